"""Who may call: bearer tokens, compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

from transcriber.web.problems import ProblemError

__all__ = ["AdminToken", "BearerGuard", "Guard", "Tokens"]


Guard = Callable[[web.Request, str], Awaitable[None]]
"""Raises a `ProblemError` unless the caller may do what a scope names; one for each kind."""


class Tokens(Protocol):
    """Knows which tokens there are."""

    def allows(self, token: str, scope: str) -> bool:
        """Whether this token may do what the scope names."""


class AdminToken:
    """The one token of the settings, which may do everything; without it nothing is allowed."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def allows(self, token: str, scope: str) -> bool:
        """Compare, in the same time whatever the token is."""
        return bool(self._token) and hmac.compare_digest(token.encode(), self._token)


class BearerGuard:
    """Lets in whoever shows a token that allows what the route does."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def __call__(self, request: web.Request, scope: str) -> None:
        """Raise 401 without a token and 403 with one that does not suffice."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ProblemError(
                401, "no-token", "send the header `Authorization: Bearer` with the API token"
            )
        if not self._tokens.allows(token.strip(), scope):
            raise ProblemError(403, "not-allowed", f"this token does not allow {scope}")
