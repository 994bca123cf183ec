"""
Who calls, and whether they may: bearer tokens.

There are several kinds of them (the one of the settings, those that were made here, those of an
identity provider). Each kind knows its callers; the guard asks one after the other. Visitors show
no token: their browser's cookie, or Nextcloud, says who they are. As a page elsewhere could have a
browser send those too, whoever changes something so has to say that it is meant.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from transcriber.web.problems import ProblemError
from transcriber.web.scopes import ADMIN, allowed

__all__ = [
    "CALLER",
    "MEANT",
    "AdminToken",
    "BearerGuard",
    "Caller",
    "Callers",
    "Guard",
    "Visitors",
    "bearer",
]

LONGEST = 8192
"""Characters of a token that is looked at: those of identity providers are long."""

OFFER = "bearer."
"""What stands before a token among the protocols that a WebSocket offers."""

MEANT = "X-Requested-With"
"""A header that browsers send elsewhere only for pages that may: that a change is meant."""

Guard = Callable[[web.Request, str], Awaitable[None]]
"""Raises a `ProblemError` unless the caller may do what a scope names; one for each kind."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who has shown who they are; `id` is unique, `name` is for people."""

    id: str
    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether they may do what a scope names."""
        return allowed(scope, self.scopes)


CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)
"""Where a handler finds who calls, on routes that are called with a token."""


class Callers(Protocol):
    """Knows who shows which token."""

    async def find(self, token: str) -> Caller | None:
        """Return who shows this token; nothing if it is not known, or not valid any more."""


class Visitors(Protocol):
    """Knows who asks without a token."""

    async def visitor(self, request: web.Request) -> Caller | None:
        """Return who asks; nothing if that is not known."""


class AdminToken:
    """The one token of the settings, which may do everything; without it nothing is allowed."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def find(self, token: str) -> Caller | None:
        """Compare, in the same time whatever the token is."""
        given = token.encode("utf-8", "replace")
        if self._token and hmac.compare_digest(given, self._token):
            return Caller("settings", "API_TOKEN", frozenset({ADMIN}))
        return None


class BearerGuard:
    """Lets in whoever shows a token that allows what the route does."""

    def __init__(self, *callers: Callers, visitors: Sequence[Visitors] = ()) -> None:
        self._callers, self._visitors = callers, visitors

    async def __call__(self, request: web.Request, scope: str) -> None:
        """Raise 401 without a valid token and 403 with one that does not suffice."""
        if token := bearer(request):
            request[CALLER] = await self._find(token)
        elif caller := await self.visitor(request):
            request[CALLER] = caller
            _meant(request)
        else:
            raise ProblemError(
                401, "no-token", "send the header `Authorization: Bearer` with the API token"
            )
        _allowed(request[CALLER], scope)

    async def visitor(self, request: web.Request) -> Caller | None:
        """Return who asks without a token."""
        for visitors in self._visitors:
            if caller := await visitors.visitor(request):
                return caller
        return None

    async def check(self, token: str, scope: str) -> Caller:
        """Return who shows a token, if it allows what a scope names; raises as a call does."""
        return _allowed(await self._find(token), scope)

    async def _find(self, token: str) -> Caller:
        if len(token) <= LONGEST:
            for callers in self._callers:
                if caller := await callers.find(token):
                    return caller
        raise ProblemError(401, "invalid-token", "this token is not known, or not valid any more")


def bearer(request: web.Request) -> str:
    """
    Return the token in a request's headers, or nothing. Browsers can only send it among the
    protocols of a WebSocket.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    tokens = [one.strip() for one in offered if one.strip().startswith(OFFER)]
    return tokens[0].removeprefix(OFFER) if tokens else ""


def _meant(request: web.Request) -> None:
    if request.method not in ("GET", "HEAD") and MEANT not in request.headers:
        raise ProblemError(403, "not-meant", f"send the header {MEANT}, if this is meant")


def _allowed(caller: Caller, scope: str) -> Caller:
    if not caller.may(scope):
        raise ProblemError(403, "not-allowed", f"this token does not allow {scope}")
    return caller
