"""
A store in PostgreSQL, for several instances at once.

A server that is away is an error that passes: nothing was kept, and trying again helps.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Self

from transcriber.store import NEWEST, Conflict, Entry, Lease, Record
from transcriber.store.ears import Ears, message
from transcriber.store.postgres_server import Server

__all__ = ["PostgresStore"]

TRIMMED = 1000
"""Entries forgotten in one go."""


class PostgresStore:
    """Keeps everything in a database that other instances share."""

    def __init__(self, url: str, *, now: Callable[[], float] = time.time) -> None:
        self._ears, self._now = Ears(), now
        self._server = Server(url, told=self._told)

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._server.__aexit__(*failure)

    def _told(self, payload: str) -> None:
        topic, _, text = payload.partition("\n")
        self._ears.hear(topic, text)

    async def put(
        self,
        kind: str,
        key: str,
        value: Any,
        *,
        seen: int | None = None,
        expires: float | None = None,
    ) -> Record:
        """Keep a value; committed when it returns."""
        now, text = self._now(), json.dumps(value)
        if expires is not None:
            await self._server.change("expire", now)
        name, condition = ("change", seen) if seen else ("put", seen == 0)
        rows = await self._server.read(name, kind, key, text, expires, condition, now)
        if not rows:
            raise Conflict(f"{kind} {key} is not at version {seen}", remedy="read it again")
        return Record(kind, key, json.loads(text), rows[0]["version"])

    async def get(self, kind: str, key: str) -> Record | None:
        """Return a record."""
        for value, version in await self._server.read("get", kind, key, self._now()):
            return Record(kind, key, json.loads(value), version)
        return None

    async def records(self, kind: str, *, after: str = "", limit: int = 1000) -> list[Record]:
        """Return a page of a kind."""
        rows = await self._server.read("records", kind, after, self._now(), limit)
        return [Record(kind, key, json.loads(value), version) for key, value, version in rows]

    async def forget(self, kind: str, key: str, *, seen: int | None = None) -> bool:
        """Drop a record."""
        rows = await self._server.read("forget", kind, key, self._now(), seen)
        return any(valid for (valid,) in rows)

    async def append(self, *entries: Entry) -> None:
        """Add entries; committed when it returns."""
        rows = [(entry.stream, entry.id, json.dumps(entry.value)) for entry in entries]
        columns = [list(column) for column in zip(*rows, strict=True)]
        if columns:
            await self._server.change("append", *columns)

    async def read(self, stream: str, *, after: str = "", limit: int = 1000) -> list[Entry]:
        """Return a page of a stream."""
        rows = await self._server.read("read", stream, after, limit)
        return [Entry(stream, id_, json.loads(value)) for id_, value in rows]

    async def latest(self, stream: str, *, before: str = NEWEST, limit: int = 1000) -> list[Entry]:
        """Return a page of a stream, the newest first."""
        rows = await self._server.read("latest", stream, before, limit)
        return [Entry(stream, id_, json.loads(value)) for id_, value in rows]

    async def drop(self, stream: str) -> int:
        """Forget a stream."""
        return await self._trim(stream, None)

    async def trim(self, stream: str, *, before: str) -> int:
        """Forget the oldest entries of a stream."""
        return await self._trim(stream, before)

    async def _trim(self, stream: str, before: str | None) -> int:
        total = 0
        while True:
            count = await self._server.change("trim", stream, before, TRIMMED)
            total += count
            if count < TRIMMED:
                return total

    async def lease(self, name: str, owner: str, *, now: float, until: float) -> Lease | None:
        """Take or prolong a lease."""
        for (fence,) in await self._server.read("lease", name, owner, now, until):
            return Lease(name, owner, fence, until)
        return None

    async def release(self, name: str, owner: str) -> None:
        """Give a lease back."""
        await self._server.change("release", name, owner)

    async def leases(self, *, now: float) -> list[Lease]:
        """Return all leases that have not run out."""
        return [Lease(*row) for row in await self._server.read("leases", now)]

    async def tell(self, topic: str, value: Any) -> None:
        """Tell every instance that listens."""
        await self._server.read("tell", f"{topic}\n{message(value)}")

    def listen(self, topic: str, told: Callable[[Any], object]) -> Callable[[], None]:
        """Learn what is told on a topic."""
        return self._ears.listen(topic, told)
