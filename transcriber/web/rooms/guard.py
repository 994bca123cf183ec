"""Who may call: whoever shows a token of the room in the path."""

from __future__ import annotations

from typing import NamedTuple

from aiohttp import web

from transcriber.errors import NotAllowed
from transcriber.rtc.sfu.room import Room
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.web.problems import ProblemError
from transcriber.web.rooms.tokens import Claims, Invalid, Tokens

__all__ = ["CLAIMS", "RoomGuard", "Visitor", "may_enter"]

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


class Visitor(NamedTuple):
    """Somebody at the door of a room who may come in."""

    room: Room
    identity: str
    name: str


def may_enter(request: web.Request, rooms: Rooms) -> Visitor:
    """Let somebody in who does not come as a page: their room is in the path, not encrypted."""
    place, claims = rooms.find(request.match_info["room_id"]), request[CLAIMS]
    if "join" not in claims.grants:
        raise NotAllowed("this token does not grant join")
    if place.plan.e2ee:
        raise NotAllowed("this room is encrypted from end to end, which this way in cannot be")
    return Visitor(place, claims.identity, claims.name or "Guest")
