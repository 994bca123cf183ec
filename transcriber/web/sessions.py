"""
Sessions of people in their browsers: who has signed in stays so for a working day.

The cookie is out of reach of scripts and goes only where it came from. Of its secret only a hash is
kept, in the store, so that every process knows who has signed in.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256

from aiohttp import web
from pydantic import BaseModel

from transcriber.store import Store
from transcriber.web.auth import Caller
from transcriber.web.routes import PUBLIC, Route

__all__ = ["LONG", "Place", "SessionApi", "Sessions"]

KIND = "session"
COOKIE = "transcriber_session"
LONG = 9 * 3600.0
"""Seconds that a session lasts: what somebody may is not asked again for so long."""
SECRET_BYTES = 32
LONGEST = 100
"""Characters of a cookie that is looked at."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where browsers find us: what their cookies are for."""

    path: str = "/"
    secure: bool = True


class Sessions:
    """Knows who has signed in."""

    def __init__(
        self, store: Store, place: Place = Place(), now: Callable[[], float] = time.time
    ) -> None:
        self._store, self._place, self._now = store, place, now

    async def begin(self, answer: web.Response, caller: Caller) -> None:
        """Begin a session, and have its answer tell the browser."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        value = {"id": caller.id, "name": caller.name, "scopes": sorted(caller.scopes)}
        await self._store.put(KIND, _hash(secret), value, seen=0, expires=self._now() + LONG)
        answer.set_cookie(
            COOKIE, secret, max_age=int(LONG), path=self._place.path, secure=self._place.secure,
            httponly=True, samesite="Strict",
        )  # fmt: skip

    async def visitor(self, request: web.Request) -> Caller | None:
        """Return who has signed in."""
        secret = request.cookies.get(COOKIE, "")
        if not 0 < len(secret) <= LONGEST:
            return None
        record = await self._store.get(KIND, _hash(secret))
        if record is None:
            return None
        return Caller(record.value["id"], record.value["name"], frozenset(record.value["scopes"]))

    async def end(self, request: web.Request, answer: web.Response) -> None:
        """End a session, if there is one."""
        if secret := request.cookies.get(COOKIE, "")[:LONGEST]:
            await self._store.forget(KIND, _hash(secret))
        answer.del_cookie(COOKIE, path=self._place.path)


class Session(BaseModel):
    """Who has signed in here (nobody, without a name), and whether people may with a provider."""

    name: str
    provider: bool


@dataclass(frozen=True, slots=True)
class SessionApi:
    """Tells browsers who they are."""

    sessions: Sessions
    visitor: Callable[[web.Request], Awaitable[Caller | None]]
    """Who asks, whatever makes them known."""
    provider: bool

    def routes(self) -> list[Route]:
        """What may be called."""
        path = "/api/v1/session"
        return [
            Route("GET", path, self._get, PUBLIC, "Who has signed in", response=Session),
            Route("DELETE", path, self._end, PUBLIC, "Sign out", status=204),
        ]

    async def _get(self, request: web.Request) -> Session:
        caller = await self.visitor(request)
        return Session(name=caller.name if caller else "", provider=self.provider)

    async def _end(self, request: web.Request) -> web.Response:
        answer = web.Response(status=204)
        await self.sessions.end(request, answer)
        return answer


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
