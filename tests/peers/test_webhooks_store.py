"""The stores on real databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.peers.postgres import Postgres, execute, postgres
from tests.unit.webhooks.conformance import NOW, StoreConformance, due, endpoint, message
from webhooks.errors import BadUrl, StoreError
from webhooks.postgres import PostgresStore
from webhooks.sqlite import SqliteStore
from webhooks.store import Store, open_store


class TestSqlite(StoreConformance):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        async with open_store(f"sqlite:///{tmp_path}/hooks.db") as store:
            yield store


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


class TestPostgres(StoreConformance):
    @pytest.fixture
    async def store(self, server: Postgres) -> AsyncIterator[Store]:
        await server.empty()
        async with open_store(server.url) as store:
            yield store


async def test_instances_that_start_together_make_the_tables_once(server: Postgres) -> None:
    await server.empty()
    async with AsyncExitStack() as stack:
        stores = [PostgresStore(server.url) for _ in range(5)]
        await asyncio.gather(*(stack.enter_async_context(store) for store in stores))
        await stores[0].save(endpoint(), now=NOW)
        assert (await stores[4].endpoint("whk_a")).version == 1


async def test_news_reaches_other_instances(server: Postgres) -> None:
    await server.empty()
    async with PostgresStore(server.url) as one, PostgresStore(server.url) as two:
        await one.save(endpoint(), now=NOW)
        seen = await two.changed(-1, within=5)
        seen = await two.changed(seen, within=0.3)
        waiting = asyncio.ensure_future(two.changed(seen, within=30))
        await asyncio.sleep(0.1)
        await one.add(message(), now=NOW)
        assert await asyncio.wait_for(waiting, 5) > seen


async def test_many_workers_never_hold_the_same_endpoint(server: Postgres) -> None:
    await server.empty()
    async with PostgresStore(server.url) as store:
        for number in range(40):
            await store.save(endpoint(f"whk_{number:02}"), now=NOW)
        await store.add(message(), now=NOW)
        claims = await asyncio.gather(
            *(
                store.claim(f"worker {n}", now=NOW, until=NOW + 30, keep=(), limit=10)
                for n in range(8)
            )
        )
        held = [name for claim in claims for name in claim.held]
        assert len(held) == len(set(held))
        assert len(held) >= 10


async def test_a_server_that_was_away_is_found_again(server: Postgres) -> None:
    await server.empty()
    async with PostgresStore(server.url) as store:
        await store.save(endpoint(), now=NOW)
        seen = await store.changed(-1, within=1)
        server.stop("immediate")
        with pytest.raises(StoreError) as failure:
            await store.add(message(), now=NOW)
        assert failure.value.retryable
        await store.changed(seen, within=0.1)
        server.start()
        assert await store.add(message(), now=NOW) == 1
        seen = await store.changed(-1, within=5)
        await store.add(message(2), now=NOW)
        assert await store.changed(seen, within=5) > seen


async def test_no_server_is_a_clear_error() -> None:
    with pytest.raises(StoreError, match="the database failed"):
        async with PostgresStore("postgresql://nobody@127.0.0.1:1/none"):
            pass


async def test_a_file_is_opened_again_with_all_it_had(tmp_path: Path) -> None:
    path = tmp_path / "new" / "hooks.db"
    async with SqliteStore(path) as store:
        await store.save(endpoint(), now=NOW)
        await store.add(message(), now=NOW)
    async with SqliteStore(path) as store, SqliteStore(path) as other:
        assert len(await due(store)) == 1
        await other.add(message(2), now=NOW)
        assert len(await due(store)) == 2
    assert path.stat().st_mode & 0o077 == 0


async def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot make"):
        async with SqliteStore(tmp_path / "file" / "hooks.db"):
            pass
    (tmp_path / "other.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreError, match="not a database"):
        async with SqliteStore(tmp_path / "other.db"):
            pass


@pytest.mark.parametrize("url", ["", "mysql://x/y", "sqlite:relative.db", "/path"])
def test_no_other_store_is_known(url: str) -> None:
    with pytest.raises(BadUrl, match="sqlite:///"):
        open_store(url)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_what_a_newer_version_has_written_is_refused_and_left_alone(
    kind: str, server: Postgres, tmp_path: Path
) -> None:
    await server.empty()
    url = server.url if kind == "postgres" else f"sqlite:///{tmp_path / 'all.db'}"
    async with open_store(url):
        pass
    await execute(url, "INSERT INTO webhook_schema VALUES (900)")
    for _ in range(2):
        with pytest.raises(StoreError, match=r"newer version.* 900"):
            async with open_store(url):
                pass
