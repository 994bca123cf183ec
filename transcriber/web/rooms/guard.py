"""Who may call: whoever shows a token of the room in the path."""

from __future__ import annotations

from aiohttp import web

from transcriber.web.problems import ProblemError
from transcriber.web.rooms.tokens import Claims, Invalid, Tokens

__all__ = ["CLAIMS", "RoomGuard"]

CLAIMS: web.RequestKey[Claims] = web.RequestKey("claims", Claims)
"""Where a handler finds what the caller's token says."""


class RoomGuard:
    """Lets in whoever shows a token of the room in the path that grants what the route does."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def __call__(self, request: web.Request, scope: str) -> None:
        """Raise 401 without a valid token and 403 with one that does not grant it."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ProblemError(
                401, "no-token", "send the header `Authorization: Bearer` with a token of the room"
            )
        try:
            claims = self._tokens.check(token.strip(), request.match_info["room_id"])
        except Invalid as error:
            raise ProblemError(401, "invalid-token", str(error)) from None
        if scope not in claims.grants:
            raise ProblemError(403, "not-allowed", f"this token does not grant {scope}")
        request[CLAIMS] = claims
