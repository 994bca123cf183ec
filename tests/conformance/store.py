"""
What every store has to do, whatever it is made of.

The unit lane runs this on the fake that other tests use, `tests/peers` on SQLite and PostgreSQL. A
test class inherits `StoreConformance` and offers a `store` fixture, whose clock is `clock`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from transcriber.store import Conflict, Entry, Store

NOW = 1_700_000_000.0


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


async def keys(store: Store, kind: str = "wish", **page: Any) -> list[str]:
    return [record.key for record in await store.records(kind, **page)]


async def ids(store: Store, stream: str = "s", **page: Any) -> list[str]:
    return [entry.id for entry in await store.read(stream, **page)]


class RecordConformance:
    """Values with versions."""

    @pytest.mark.parametrize(
        "value", [None, 0, "", "naïve \x00 \ud800 😀", [1, [2]], {"a": {"b": 1.5, "c": None}}]
    )
    async def test_a_value_comes_back_as_it_was(self, store: Store, value: Any) -> None:
        record = await store.put("wish", "r", value)
        assert record == await store.get("wish", "r")
        assert record.value == value

    async def test_there_is_nothing_that_was_not_put(self, store: Store) -> None:
        await store.put("wish", "r", 1)
        assert await store.get("wish", "x") is None
        assert await store.get("token", "r") is None

    async def test_versions_count_changes(self, store: Store) -> None:
        versions = [(await store.put("wish", "r", value)).version for value in "abc"]
        assert versions == [1, 2, 3]

    async def test_a_change_of_what_somebody_else_changed_is_a_conflict(self, store: Store) -> None:
        await store.put("wish", "r", "a")
        await store.put("wish", "r", "b", seen=1)
        with pytest.raises(Conflict):
            await store.put("wish", "r", "c", seen=1)
        with pytest.raises(Conflict):
            await store.put("wish", "x", "c", seen=1)
        record = await store.get("wish", "r")
        assert record
        assert (record.value, record.version) == ("b", 2)
        assert await store.get("wish", "x") is None

    async def test_only_the_first_can_make_what_must_be_new(self, store: Store) -> None:
        async def make(value: int) -> bool:
            try:
                await store.put("wish", "r", value, seen=0)
            except Conflict:
                return False
            return True

        assert sum(await asyncio.gather(*map(make, range(8)))) == 1

    async def test_of_those_who_saw_the_same_only_one_changes_it(self, store: Store) -> None:
        async def add() -> None:
            while True:
                record = await store.get("count", "x")
                assert record
                try:
                    await store.put("count", "x", record.value + 1, seen=record.version)
                except Conflict:
                    continue
                return

        await store.put("count", "x", 0)
        await asyncio.gather(*(add() for _ in range(8)))
        record = await store.get("count", "x")
        assert record
        assert (record.value, record.version) == (8, 9)

    async def test_what_has_expired_is_gone(self, store: Store, clock: Clock) -> None:
        await store.put("wish", "a", 1, expires=NOW + 10)
        await store.put("wish", "b", 1)
        assert await keys(store) == ["a", "b"]
        clock.now += 10
        assert await keys(store) == ["b"]
        assert await store.get("wish", "a") is None
        with pytest.raises(Conflict):
            await store.put("wish", "a", 2, seen=1)
        assert not await store.forget("wish", "a")
        await store.put("wish", "a", 1, expires=NOW + 11)
        clock.now += 10
        assert (await store.put("wish", "a", 3, seen=0)).version == 1
        assert await keys(store) == ["a", "b"]

    async def test_a_change_may_prolong_or_end_the_expiry(self, store: Store, clock: Clock) -> None:
        await store.put("wish", "a", 1, expires=NOW + 10)
        await store.put("wish", "a", 1, expires=NOW + 20)
        clock.now += 15
        assert await keys(store) == ["a"]
        await store.put("wish", "a", 1, seen=2)
        clock.now += 1000
        assert await keys(store) == ["a"]

    async def test_records_come_in_pages_in_the_order_of_their_keys(self, store: Store) -> None:
        names = ["a", "B", "Z", "á", "b", "a-1", "a_1"]
        for name in names:
            await store.put("wish", name, name)
        await store.put("token", "c", 1)
        wanted = sorted(names, key=str.encode)
        assert await keys(store) == wanted
        assert await keys(store, limit=2) == wanted[:2]
        assert await keys(store, after=wanted[1], limit=2) == wanted[2:4]

    async def test_what_is_forgotten_is_gone_and_can_be_made_anew(self, store: Store) -> None:
        await store.put("wish", "r", 1)
        assert await store.forget("wish", "r")
        assert not await store.forget("wish", "r")
        assert (await store.put("wish", "r", 2, seen=0)).version == 1

    async def test_what_somebody_changed_is_not_forgotten(self, store: Store) -> None:
        await store.put("wish", "r", 1)
        await store.put("wish", "r", 2)
        assert not await store.forget("wish", "r", seen=1)
        assert not await store.forget("wish", "x", seen=1)
        assert await keys(store) == ["r"]
        assert await store.forget("wish", "r", seen=2)


class JournalConformance:
    """Streams of entries."""

    async def test_a_stream_is_read_in_order_and_in_pages(self, store: Store) -> None:
        await store.append(*(Entry("s", f"evt_{number}", number) for number in (2, 1, 3)))
        await store.append(Entry("s", "evt_0", 0), Entry("t", "evt_9", {"a": [None]}))
        assert [entry.value for entry in await store.read("s")] == [0, 1, 2, 3]
        assert await ids(store, limit=2) == ["evt_0", "evt_1"]
        assert await ids(store, after="evt_1") == ["evt_2", "evt_3"]
        assert await store.read("t") == [Entry("t", "evt_9", {"a": [None]})]
        assert await store.read("x") == []

    async def test_a_stream_is_read_from_its_end_too(self, store: Store) -> None:
        await store.append(*(Entry("s", f"evt_{number}", number) for number in (2, 1, 3)))
        await store.append(Entry("t", "evt_9", 9))
        assert [entry.value for entry in await store.latest("s")] == [3, 2, 1]
        assert await store.latest("s", before="evt_3", limit=1) == [Entry("s", "evt_2", 2)]
        assert await store.latest("s", before="evt_1") == []

    async def test_an_entry_that_is_there_is_left_alone(self, store: Store) -> None:
        await store.append(Entry("s", "a", 1))
        await store.append(Entry("s", "a", 2), Entry("s", "b", 3), Entry("s", "b", 4))
        assert [entry.value for entry in await store.read("s")] == [1, 3]
        await store.append()

    async def test_what_cannot_be_written_adds_nothing(self, store: Store) -> None:
        with pytest.raises(TypeError):
            await store.append(Entry("s", "a", 1), Entry("s", "b", object()))
        assert await store.read("s") == []

    async def test_a_stream_is_dropped_or_trimmed(self, store: Store) -> None:
        await store.append(*(Entry("s", f"{number:05}", number) for number in range(2500)))
        await store.append(Entry("t", "00000", 0))
        assert await store.trim("s", before="00010") == 10
        assert (await ids(store, limit=1)) == ["00010"]
        assert await store.drop("s") == 2490
        assert await store.drop("s") == 0
        assert await ids(store, "t") == ["00000"]


class LeaseConformance:
    """Who holds what."""

    async def test_a_lease_is_held_by_one(self, store: Store) -> None:
        lease = await store.lease("room", "one", now=NOW, until=NOW + 10)
        assert lease
        assert (lease.name, lease.owner, lease.until) == ("room", "one", NOW + 10)
        assert await store.lease("room", "two", now=NOW + 9, until=NOW + 19) is None
        assert await store.lease("other", "two", now=NOW, until=NOW + 10)

    async def test_prolonging_a_lease_keeps_its_fence(self, store: Store) -> None:
        first = await store.lease("room", "one", now=NOW, until=NOW + 10)
        again = await store.lease("room", "one", now=NOW + 5, until=NOW + 15)
        assert first
        assert again
        assert again.fence == first.fence
        assert (await store.leases(now=NOW + 12)) == [again]

    async def test_every_holder_has_a_greater_fence_than_those_before(self, store: Store) -> None:
        fences = []
        for turn, owner in enumerate(("one", "two", "two", "one")):
            now = NOW + 10 * turn
            lease = await store.lease("room", owner, now=now, until=now + 10)
            assert lease
            fences.append(lease.fence)
        await store.release("room", "one")
        lease = await store.lease("room", "one", now=now, until=now + 10)
        assert lease
        fences.append(lease.fence)
        assert fences == sorted(set(fences))

    async def test_a_lease_that_is_given_back_is_free(self, store: Store) -> None:
        await store.lease("room", "one", now=NOW, until=NOW + 10)
        await store.release("room", "two")
        assert await store.lease("room", "two", now=NOW, until=NOW + 10) is None
        await store.release("room", "one")
        assert await store.leases(now=NOW) == []
        assert await store.lease("room", "two", now=NOW, until=NOW + 10)

    async def test_of_many_who_want_a_lease_one_gets_it(self, store: Store) -> None:
        wanted = (store.lease("r", f"{n}", now=NOW, until=NOW + 10) for n in range(8))
        got = [lease for lease in await asyncio.gather(*wanted) if lease]
        assert await store.leases(now=NOW) == got
        assert len(got) == 1


class TellingConformance:
    """What reaches all who listen."""

    async def test_what_is_told_reaches_those_who_listen(self, store: Store) -> None:
        heard: list[Any] = []

        def fail(value: Any) -> None:
            raise RuntimeError("one who fails disturbs nobody")

        store.listen("a", fail)
        silence = store.listen("a", heard.append)
        store.listen("b", heard.append)
        await store.tell("a", {"n": [1, "ü\n"]})
        await store.tell("c", 0)
        await store.tell("b", "x" * 7000)
        await _until(lambda: len(heard) == 2)
        silence()
        await store.tell("a", 2)
        await store.tell("b", 3)
        await _until(lambda: len(heard) == 3)
        assert heard == [{"n": [1, "ü\n"]}, "x" * 7000, 3]

    async def test_more_than_can_be_told_is_refused(self, store: Store) -> None:
        with pytest.raises(ValueError, match="cannot be told"):
            await store.tell("a", "x" * 8000)


class StoreConformance(RecordConformance, JournalConformance, LeaseConformance, TellingConformance):
    """To be inherited by a class with a `store` fixture."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()


async def _until(happened: Any) -> None:
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110 - several ways to happen
            await asyncio.sleep(0.01)
