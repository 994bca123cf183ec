"""A store that forgets everything when it is closed."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Self

from transcriber.store import NEWEST, Conflict, Entry, Lease, Record
from transcriber.store.ears import Ears, message


class MemoryStore:
    """Keeps values in dictionaries, as JSON, so that nothing else can be kept."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._records: dict[tuple[str, str], tuple[str, int, float | None]] = {}
        self._entries: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._leases: dict[str, Lease] = {}
        self._ears = Ears()
        self._fence = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        return None

    async def put(
        self,
        kind: str,
        key: str,
        value: Any,
        *,
        seen: int | None = None,
        expires: float | None = None,
    ) -> Record:
        known = await self.get(kind, key)
        version = known.version if known else 0
        if seen is not None and seen != version:
            raise Conflict(f"{kind} {key} is at version {version}")
        self._records[kind, key] = json.dumps(value), version + 1, expires
        return Record(kind, key, json.loads(json.dumps(value)), version + 1)

    async def get(self, kind: str, key: str) -> Record | None:
        found = self._records.get((kind, key))
        if found is None or (found[2] is not None and found[2] <= self._now()):
            return None
        return Record(kind, key, json.loads(found[0]), found[1])

    async def records(self, kind: str, *, after: str = "", limit: int = 1000) -> list[Record]:
        keys = sorted(key for of, key in self._records if of == kind and key > after)
        found = [record for key in keys if (record := await self.get(kind, key))]
        return found[:limit]

    async def forget(self, kind: str, key: str, *, seen: int | None = None) -> bool:
        known = await self.get(kind, key)
        if known and seen not in (None, known.version):
            return False
        self._records.pop((kind, key), None)
        return known is not None

    async def append(self, *entries: Entry) -> None:
        texts = [json.dumps(entry.value) for entry in entries]
        for entry, text in zip(entries, texts, strict=True):
            self._entries[entry.stream].setdefault(entry.id, text)

    async def read(self, stream: str, *, after: str = "", limit: int = 1000) -> list[Entry]:
        kept = self._entries.get(stream, {})
        ids = sorted(id_ for id_ in kept if id_ > after)[:limit]
        return [Entry(stream, id_, json.loads(kept[id_])) for id_ in ids]

    async def latest(self, stream: str, *, before: str = NEWEST, limit: int = 1000) -> list[Entry]:
        kept = self._entries.get(stream, {})
        ids = sorted((id_ for id_ in kept if id_ < before), reverse=True)[:limit]
        return [Entry(stream, id_, json.loads(kept[id_])) for id_ in ids]

    async def drop(self, stream: str) -> int:
        return len(self._entries.pop(stream, {}))

    async def trim(self, stream: str, *, before: str) -> int:
        kept = self._entries.get(stream, {})
        old = [id_ for id_ in kept if id_ < before]
        for id_ in old:
            del kept[id_]
        return len(old)

    async def lease(self, name: str, owner: str, *, now: float, until: float) -> Lease | None:
        held = self._leases.get(name)
        if held and held.owner != owner and held.until > now:
            return None
        self._fence += 1
        fence = held.fence if held and held.until > now else self._fence
        self._leases[name] = Lease(name, owner, fence, until)
        return self._leases[name]

    async def release(self, name: str, owner: str) -> None:
        held = self._leases.get(name)
        if held and held.owner == owner:
            del self._leases[name]

    async def leases(self, *, now: float) -> list[Lease]:
        return [lease for _, lease in sorted(self._leases.items()) if lease.until > now]

    async def tell(self, topic: str, value: Any) -> None:
        self._ears.hear(topic, message(value))

    def listen(self, topic: str, told: Callable[[Any], object]) -> Callable[[], None]:
        return self._ears.listen(topic, told)
