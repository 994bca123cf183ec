"""
The door: whoever comes too often is asked to come later.

Callers with a token are counted by it, others by their address. A wrong token costs its address as
much as many requests, so nobody can try many; an address that has used up what it may is not
listened to, whatever it shows. Pages are not counted: they cost nothing, and many people may sit
behind one address. Nor is our Nextcloud, once it has proved itself.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from aiohttp import web

from transcriber.web.address import Proxies, neighbourhood
from transcriber.web.auth import CALLER
from transcriber.web.limits import Buckets
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Route, Serve

__all__ = ["Door", "origin"]

BURST = 10.0
"""Seconds of the rate that may be asked for at once."""
WRONG = 20.0
"""Requests that a wrong token costs."""
ORIGIN: web.RequestKey[str] = web.RequestKey("origin", str)


class Door:
    """Two rules: one `outside`, before anybody looks at who asks, and one `inside`."""

    def __init__(
        self, rate: float, proxies: Proxies, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._addresses = Buckets(rate=rate, burst=rate * BURST)
        self._callers = Buckets(rate=rate, burst=rate * BURST)
        self._proxies, self._now = proxies, now

    def outside(self, route: Route, serve: Serve) -> Serve:
        """Find out where a request comes from, and count it there if nothing else is known."""
        anonymous = route.auth.kind in ("public", "room")
        if route.auth.kind == "public" and not route.path.startswith("/api/"):
            return serve

        async def served(request: web.Request) -> web.StreamResponse:
            forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
            request[ORIGIN] = self._proxies.origin(request.remote or "", forwarded)
            place = neighbourhood(request[ORIGIN])
            self._admit(self._addresses, place, cost=1 if anonymous else 0)
            try:
                return await serve(request)
            except ProblemError as refusal:
                if refusal.problem.status == 401:
                    self._addresses.spend(place, self._now(), WRONG)
                raise

        return served

    def inside(self, route: Route, serve: Serve) -> Serve:
        """Count a request of a caller who is known."""
        if route.auth.kind != "token":
            return serve

        async def served(request: web.Request) -> web.StreamResponse:
            self._admit(self._callers, request[CALLER].id)
            return await serve(request)

        return served

    def _admit(self, buckets: Buckets, who: str, *, cost: float = 1) -> None:
        now = self._now()
        if wait := buckets.wait(who, now):
            raise ProblemError(
                429, "too-many-requests", "you ask too often; see Retry-After",
                retry_after=math.ceil(wait),
            )  # fmt: skip
        buckets.spend(who, now, cost)


def origin(request: web.Request) -> str:
    """Return the address a request comes from, as far as the door knows it."""
    known: str = request.get(ORIGIN, request.remote or "")
    return known
