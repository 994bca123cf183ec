"""The stores on real databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.store import NOW, Clock, StoreConformance
from tests.peers import until
from tests.peers.postgres import Postgres, execute, postgres
from transcriber.store import Entry, Store, StoreFailed, open_store
from transcriber.store.postgres import PostgresStore
from transcriber.store.sqlite import SqliteStore


class TestSqlite(StoreConformance):
    @pytest.fixture
    async def store(self, tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
        async with SqliteStore(tmp_path / "all.db", now=clock) as store:
            yield store


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


class TestPostgres(StoreConformance):
    @pytest.fixture
    async def store(self, server: Postgres, clock: Clock) -> AsyncIterator[Store]:
        await server.empty()
        async with PostgresStore(server.url, now=clock) as store:
            yield store


async def test_instances_that_start_together_make_the_tables_once(server: Postgres) -> None:
    await server.empty()
    async with AsyncExitStack() as stack:
        stores = [open_store(server.url) for _ in range(5)]
        await asyncio.gather(*(stack.enter_async_context(store) for store in stores))
        await stores[0].put("wish", "r", 1)
        assert await stores[4].get("wish", "r")


async def test_what_is_told_reaches_other_instances(server: Postgres) -> None:
    heard: list[Any] = []
    async with open_store(server.url) as one, open_store(server.url) as two:
        two.listen("a", heard.append)
        await one.tell("a", 1)
        await until(lambda: heard == [1])


async def test_a_server_that_was_away_is_found_again(server: Postgres) -> None:
    heard: list[Any] = []
    async with open_store(server.url) as store:
        store.listen("a", heard.append)
        server.stop("immediate")
        with pytest.raises(StoreFailed):
            await store.append(Entry("s", "a", 1))
        server.start()
        await store.append(Entry("s", "b", 2))
        assert [entry.id for entry in await store.read("s")] == ["b"]
        async with asyncio.timeout(10):
            while not heard:
                await store.tell("a", 1)
                await asyncio.sleep(0.1)


async def test_no_server_is_a_clear_error() -> None:
    with pytest.raises(StoreFailed, match="the database failed"):
        async with open_store("postgresql://nobody@127.0.0.1:1/none"):
            pass


async def test_a_file_is_opened_again_with_all_it_had(tmp_path: Path) -> None:
    path = tmp_path / "new" / "all.db"
    async with open_store(f"sqlite:///{path}") as store:
        await store.put("wish", "r", 1)
    async with SqliteStore(path) as store, SqliteStore(path) as other:
        assert await store.get("wish", "r")
        await other.put("wish", "s", 1)
        assert await store.get("wish", "s")
    assert path.stat().st_mode & 0o077 == 0


async def test_what_is_told_reaches_other_processes_with_the_same_file(tmp_path: Path) -> None:
    heard: list[Any] = []
    path = tmp_path / "all.db"
    async with SqliteStore(path) as one:
        await one.tell("a", "before")
        async with SqliteStore(path) as two:
            one.listen("a", heard.append)
            two.listen("a", heard.append)
            await one.tell("a", 1)
            assert heard[:1] == [1]
            await until(lambda: heard == [1, 1])
            await two.tell("a", 2)
            await until(lambda: heard == [1, 1, 2, 2])
            await asyncio.sleep(0.5)
            assert heard == [1, 1, 2, 2]


async def test_many_writes_at_once_all_arrive_and_a_bad_one_fails_alone(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "all.db") as store:
        writes: list[Any] = [store.put("wish", str(number), number) for number in range(300)]
        writes.insert(150, store.put("wish", "bad", 1, seen=7))
        writes.insert(151, store.append(Entry("s", None, 1)))  # type: ignore[arg-type]
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert len([one for one in outcomes if isinstance(one, Exception)]) == 2
        assert len(await store.records("wish")) == 300


async def test_a_write_that_nobody_waits_for_any_more_disturbs_nobody(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "all.db") as store:
        writes = [asyncio.ensure_future(store.put("wish", str(n), n)) for n in range(50)]
        await asyncio.sleep(0)
        for write in writes[::2]:
            write.cancel()
        await asyncio.gather(*writes, return_exceptions=True)
        assert all(write.result().version == 1 for write in writes[1::2])


async def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreFailed, match="choose another DATA_DIR"):
        async with SqliteStore(tmp_path / "file" / "all.db"):
            pass
    (tmp_path / "other.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreFailed, match="not a database"):
        async with SqliteStore(tmp_path / "other.db"):
            pass


async def test_webhooks_may_share_the_file(tmp_path: Path) -> None:
    from webhooks import open_store as open_webhooks

    url = f"sqlite:///{tmp_path}/all.db"
    async with open_store(url) as store, open_webhooks(url) as hooks:
        await asyncio.gather(*(store.put("wish", str(n), n) for n in range(20)), hooks.purge(NOW))
        assert len(await store.records("wish")) == 20


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_what_a_newer_version_has_written_is_refused_and_left_alone(
    kind: str, server: Postgres, tmp_path: Path
) -> None:
    await server.empty()
    url = server.url if kind == "postgres" else f"sqlite:///{tmp_path / 'all.db'}"
    async with open_store(url):
        pass
    await execute(url, "INSERT INTO store_schema VALUES (900)")
    for _ in range(2):
        with pytest.raises(StoreFailed, match=r"newer version.* 900"):
            async with open_store(url):
                pass
