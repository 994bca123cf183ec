"""
The journal of what administrators and their programs did.

Every request that may change something is noted when it is over, and so is whoever signs in: when,
who, what, and what came of it. It is noted where it was done, so a request that another process
answers is noted there, once. The answer does not wait for the disk: what was done in the last
moment before a crash may be missing. Not noted are those whom nobody knows (wrong tokens cost their
address, see `door`), people in rooms, and people who switch their own captions on and off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import structlog
from aiohttp import web
from pydantic import BaseModel

from transcriber import aio
from transcriber.events import Moment
from transcriber.ids import new_id
from transcriber.store import NEWEST, Entry, Store, StoreFailed
from transcriber.telemetry import METRICS
from transcriber.web import problems
from transcriber.web.auth import CALLER
from transcriber.web.door import origin
from transcriber.web.moment import moment
from transcriber.web.paging import Items, Page, paged
from transcriber.web.routes import APPAPI, Route, Serve, query, token

__all__ = ["Action", "Audit", "AuditApi", "Journal"]

STREAM = "audit"
"""The journal's stream."""
DAY = 86_400.0
WAITING = 10_000
"""Actions that wait for the store; the oldest go, and are counted as lost."""
LAST = 5.0
"""Seconds that what waits gets when we stop."""
GONE = 499
"""The status of a request whose caller hung up before it was done."""

log = structlog.get_logger(__name__)


class Action(BaseModel):
    """
    Something that somebody did, or tried to: `about` is what the address named, `made` where that
    is which it made.
    """

    id: str
    at: Moment
    who: str
    name: str
    origin: str
    method: str
    route: str
    about: dict[str, str]
    made: str
    status: int
    request_id: str


class Journal:
    """Actions as they are kept: what is personal under keys that say so."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store, self._now = store, now

    def entry(self, request: web.Request, route: Route, status: int, made: str) -> Entry:
        """Make an entry of a request that is over."""
        caller = request.get(CALLER)
        value = {
            "at": self._now(),
            "method": route.method,
            "route": route.path,
            "status": status,
            "request_id": structlog.contextvars.get_contextvars().get("request", ""),
            "pii_who": caller.id if caller else "nextcloud",
            "pii_name": caller.name if caller else "Nextcloud",
            "pii_origin": origin(request),
            "pii_about": dict(request.match_info),
            "pii_made": made,
        }
        return Entry(STREAM, new_id("act"), value)

    async def keep(self, entries: Sequence[Entry]) -> None:
        """Have them on disk."""
        await self._store.append(*entries)

    async def page(self, *, before: str = "", limit: int) -> list[Action]:
        """Return actions, the newest first, from the one before `before` on."""
        found = await self._store.latest(STREAM, before=before or NEWEST, limit=limit)
        return [_action(entry) for entry in found]

    async def forget(self, days: float) -> int:
        """Drop what is older than that."""
        before = int((self._now() - days * DAY) * 1000)
        return await self._store.trim(STREAM, before=f"act_{before:012x}")


class Audit:
    """A rule for all that changes something, to stand outermost; to be entered, for it writes."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: aio.Backlog[Entry] = aio.Backlog(WAITING)

    async def __aenter__(self) -> Self:
        self._writing = asyncio.create_task(self._write(), name="journal of actions")
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._waiting.close()
        await asyncio.wait([self._writing], timeout=LAST)
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)

    def outside(self, route: Route, serve: Serve) -> Serve:
        """Note what was done, whatever came of it."""
        if not _noted(route):
            return serve

        async def served(request: web.Request) -> web.StreamResponse:
            status, made = GONE, ""
            try:
                answer = await serve(request)
                status, made = answer.status, answer.headers.get("Location", "")
                return answer
            except Exception as error:
                status = problems.of(error).problem.status
                raise
            finally:
                if CALLER in request or (route.auth == APPAPI and status != 401):
                    self._note(self._journal.entry(request, route, status, made))

        return served

    def _note(self, entry: Entry) -> None:
        if self._waiting.full:
            METRICS.events_lost.labels(STREAM).inc()
        self._waiting.push(entry)

    async def _write(self) -> None:
        async for entry in self._waiting:
            together = [entry]
            while len(self._waiting):
                together.append(self._waiting.pop())
            await self._insist(together)

    async def _insist(self, entries: Sequence[Entry]) -> None:
        for pause in aio.backoff(base=0.2, limit=5.0):
            try:
                return await self._journal.keep(entries)
            except StoreFailed as error:
                log.warning("actions wait", waiting=len(entries), error=str(error))
            await asyncio.sleep(pause)


class AuditApi:
    """Shows the journal to whoever may read it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def routes(self) -> list[Route]:
        """What may be called."""
        return [
            Route(
                "GET", "/api/v1/audit", self._list, token("audit:read"),
                "What administrators and programs did, the newest first",
                response=Items[Action], query=Page,
            ),
        ]  # fmt: skip

    async def _list(self, request: web.Request) -> Items[Action]:
        page = query(request, Page)
        rows = await self._journal.page(before=page.cursor, limit=page.limit + 1)
        return paged(rows, page.limit, lambda row: row, lambda row: row.id)


def _noted(route: Route) -> bool:
    """
    Whether it is an administrator or a program that calls: Talk's own calls are people's. Whoever
    signs in is known afterwards.
    """
    nextcloud = route.auth == APPAPI and not route.path.startswith("/api/")
    changes = route.method != "GET" and (route.auth.kind == "token" or nextcloud)
    return changes or route.path.startswith("/console/")


def _action(entry: Entry) -> Action:
    kept: dict[str, Any] = {key.removeprefix("pii_"): of for key, of in entry.value.items()}
    return Action.model_validate(kept | {"id": entry.id, "at": moment(kept["at"])})
