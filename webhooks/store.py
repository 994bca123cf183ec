"""
Where endpoints, messages and deliveries are kept.

A store promises: when `add` has returned, its messages are on disk, and a worker will deliver or
bury them. Work is claimed by endpoint, not by message: whoever holds the lease of an endpoint is
the only one that sends to it. That keeps its messages in order, its rate in one place, and makes
a crash cheap: when the lease has expired another worker takes over, and what was in flight, and
nothing else, is sent twice.

Times are Unix times and come from the caller, so that tests need not wait. Several machines that
share a store need clocks that agree within a few seconds, as signatures do anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from webhooks.errors import BadUrl
from webhooks.models import Attempt, Delivery, Endpoint, Message, Outcome, State

__all__ = ["Claim", "Lease", "News", "Store", "open_store"]


@dataclass(frozen=True, slots=True)
class Lease:
    """Until when a worker is the only one that may send to an endpoint, as it is now."""

    until: float
    version: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What is leased to a worker, by endpoint, and the endpoints that have something due."""

    held: dict[str, Lease]
    due: tuple[Endpoint, ...]


class Store(Protocol):
    """
    Keeps everything; `async with` opens and closes it. All methods may raise `StoreError`, and
    then nothing was changed.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *failure: object) -> None: ...

    async def add(self, *messages: Message, now: float) -> int:
        """
        Keep messages for every endpoint that wants them and return how many deliveries that
        makes. A message that was added before is left alone; one that nobody wants is not kept.
        """

    async def add_for(self, endpoint_id: str, message: Message, *, now: float) -> None:
        """Keep a message for one endpoint, whether it wants it or not; raises `Unknown`."""

    async def claim(
        self, owner: str, *, now: float, until: float, keep: Collection[str], limit: int
    ) -> Claim:
        """
        Lease up to `limit` more endpoints with due deliveries that nobody serves, and prolong
        the leases of those to `keep`.
        """

    async def due(
        self, endpoint_id: str, *, now: float, limit: int, skip: Collection[int]
    ) -> list[Delivery]:
        """Return deliveries that are due, in the order in which they are to be sent."""

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Keep what attempts led to; recording an outcome again is harmless for its delivery."""

    async def disable(self, endpoint_id: str, *, reason: str, now: float) -> int:
        """Send nothing more to an endpoint, bury what waits for it and return how much."""

    async def release(self, owner: str) -> None:
        """Give back all leases."""

    async def changed(self, seen: int, *, within: float) -> int:
        """Wait until there is news after `seen`, or the time is up; return the newest number."""

    async def save(self, endpoint: Endpoint, *, now: float) -> Endpoint:
        """
        Create an endpoint of version 0, or change one that still has the given version; raises
        `Conflict`, or `Unknown`. Changing one forgives its failures.
        """

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        """Return one endpoint; raises `Unknown`."""

    async def endpoints(self, *, limit: int, after: str = "") -> list[Endpoint]:
        """Return endpoints by id, from the one after `after` on."""

    async def delete(self, endpoint_id: str) -> None:
        """Forget an endpoint and everything about it."""

    async def deliveries(
        self, endpoint_id: str, *, state: State | None = None, limit: int, before: int | None = None
    ) -> list[Delivery]:
        """Return deliveries, the newest first, from the one before `before` on."""

    async def attempts(
        self, endpoint_id: str, *, limit: int, before: int | None = None
    ) -> list[Attempt]:
        """Return attempts, the newest first, from the one before `before` on."""

    async def replay(
        self,
        endpoint_id: str,
        *,
        now: float,
        delivery_id: int | None = None,
        since: float = 0.0,
        delivered: bool = False,
    ) -> int:
        """
        Send again: one delivery whatever became of it, or all dead ones added `since` then, with
        `delivered` also those that arrived. Returns how many.
        """

    async def purge(self, before: float) -> int:
        """Forget messages added before then that nobody waits for, and return how many."""


class News:
    """Counts what happened, and wakes who waits for more; nothing between two waits is missed."""

    def __init__(self) -> None:
        self.count = 0
        self._next = asyncio.Event()

    def publish(self) -> None:
        """Wake everybody."""
        self.count += 1
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, seen: int, *, within: float) -> int:
        """Return the newest number as soon as it is not `seen`, or the time is up."""
        if self.count == seen:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._next.wait(), within)
        return self.count


def open_store(url: str) -> Store:
    """
    Make the store that a URL names: `postgresql://...`, or `sqlite:///path/to/file`.

    Enter it to connect. Raises `BadUrl` for anything else.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest.startswith("///"):
        from webhooks.sqlite import SqliteStore

        return SqliteStore(rest[3:])
    if scheme in ("postgresql", "postgres"):
        from webhooks.postgres import PostgresStore  # an extra, not installed everywhere

        return PostgresStore(url)
    raise BadUrl("the store must be sqlite:///FILE or postgresql://...")
