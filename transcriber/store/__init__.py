"""
What is kept: three small things that everything else is made of.

* A **record** is a JSON value under a kind and a key, with a version: a wish, a token, a dialog's
  position, an answer to be repeated. Whoever changes one may say which version they saw.
* The **journal** is append-only: entries of a stream in the order of their ids. A transcript is a
  stream, and so are the events of the last days.
* A **lease** says which instance does something, until when, with a fence that grows each time it
  changes hands, so that who lost it without noticing can be told apart.

`tell` reaches all instances that share the store. Times are Unix times and come from the caller, so
that tests need not wait. Delivery of webhooks keeps its own tables (`webhooks.store`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

from transcriber.errors import Misconfigured, TranscriberError

__all__ = ["NEWEST", "Conflict", "Entry", "Lease", "Record", "Store", "StoreFailed", "open_store"]

NEWEST = "\U0010ffff"
"""Sorts after every id."""

Json = Any
"""What `json.dumps` takes."""


class StoreFailed(TranscriberError):
    """The store could not do it, and nothing was changed; trying again later may help."""

    code = "store_failed"


class Conflict(TranscriberError):
    """Somebody else changed the record; read it again."""

    code = "conflict"


@dataclass(frozen=True, slots=True)
class Record:
    """A value as it is kept; `version` counts its changes, from 1."""

    kind: str
    key: str
    value: Json
    version: int


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened, in a stream; ids sort by time (`transcriber.ids`)."""

    stream: str
    id: str
    value: Json


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds something until when; `fence` is greater than that of every holder before."""

    name: str
    owner: str
    fence: int
    until: float


class Store(Protocol):
    """Keeps everything; `async with` opens and closes it. All methods may raise `StoreFailed`."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *failure: object) -> None: ...

    async def put(
        self,
        kind: str,
        key: str,
        value: Json,
        *,
        seen: int | None = None,
        expires: float | None = None,
    ) -> Record:
        """
        Keep a value; with `seen`, only if that is still its version (0: only if there is none),
        else `Conflict`. An expired record is gone.
        """

    async def get(self, kind: str, key: str) -> Record | None:
        """Return a record, if there is one that has not expired."""

    async def records(self, kind: str, *, after: str = "", limit: int = 1000) -> list[Record]:
        """Return records of a kind by key, from the one after `after` on."""

    async def forget(self, kind: str, key: str, *, seen: int | None = None) -> bool:
        """Drop a record, with `seen` only if that is still its version; whether that was done."""

    async def append(self, *entries: Entry) -> None:
        """Add entries, all or none; on disk when it returns. One that is there is left alone."""

    async def read(self, stream: str, *, after: str = "", limit: int = 1000) -> list[Entry]:
        """Return entries of a stream by id, from the one after `after` on."""

    async def latest(self, stream: str, *, before: str = NEWEST, limit: int = 1000) -> list[Entry]:
        """Return entries of a stream, the newest first, from the one before `before` on."""

    async def drop(self, stream: str) -> int:
        """Forget a whole stream; how many entries it had."""

    async def trim(self, stream: str, *, before: str) -> int:
        """Forget the entries of a stream whose id is less; how many there were."""

    async def lease(self, name: str, owner: str, *, now: float, until: float) -> Lease | None:
        """Take or prolong a lease; nothing if somebody else holds it."""

    async def release(self, name: str, owner: str) -> None:
        """Give a lease back, if it is held by this owner."""

    async def leases(self, *, now: float) -> list[Lease]:
        """Return all leases that have not run out."""

    async def tell(self, topic: str, value: Json) -> None:
        """
        Tell something (at most 7 KB of JSON, else `ValueError`) to every instance that listens, us
        too. Who cannot be reached right now does not learn it: the journal keeps what must last.
        """

    def listen(self, topic: str, told: Callable[[Json], object]) -> Callable[[], None]:
        """Call `told` with everything told on a topic; returns how to stop."""


def open_store(url: str) -> Store:
    """
    Make the store that a URL names: `sqlite:///path/to/file`, or `postgresql://...`.

    Enter it to connect. Raises `Misconfigured` for anything else.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest.startswith("///"):
        from transcriber.store.sqlite import SqliteStore

        return SqliteStore(rest[3:])
    if scheme not in ("postgresql", "postgres"):
        raise Misconfigured("DATABASE_URL", "must be sqlite:///FILE or postgresql://...")
    try:
        from transcriber.store.postgres import PostgresStore
    except ImportError as missing:
        raise Misconfigured(
            "DATABASE_URL", "asyncpg is not installed", remedy="install transcriber[postgres]"
        ) from missing
    return PostgresStore(url)
