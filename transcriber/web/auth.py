"""Who may call: bearer tokens, compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from transcriber.web.problems import ProblemError
from transcriber.web.routes import Auth

__all__ = ["AdminToken", "BearerGuard", "Guard", "Tokens"]


Guard = Callable[[web.Request, Auth], None]
"""Raises a `ProblemError` unless the caller may use a route."""


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

    def __call__(self, request: web.Request, auth: Auth) -> None:
        """Raise 401 without a token and 403 with one that does not suffice."""
        if auth.kind == "public":
            return
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ProblemError(
                401, "no-token", "send the header `Authorization: Bearer` with the API token"
            )
        if auth.kind != "token" or not self._tokens.allows(token.strip(), auth.scope):
            raise ProblemError(403, "not-allowed", f"this token does not allow {auth.scope}")
