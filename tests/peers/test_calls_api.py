"""Talk's calls over HTTP: which there are, and who hears them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fakes.store import MemoryStore
from tests.peers.test_web import TOKEN
from transcriber.session.supervisor import Supervisor
from transcriber.session.wishes import Wish
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.calls import Calls
from transcriber.web.server import application, listen

ALL = "/api/v1/calls"


class Attended:
    def start(self, room: str, wish: Wish) -> None: ...

    def stop(self, room: str) -> None: ...


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(MemoryStore(), Attended())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run())
        await supervisor.read("abcd", "ann")
        yield supervisor
        supervisor.stop()


@pytest.fixture
async def http(supervisor: Supervisor) -> AsyncIterator[aiohttp.ClientSession]:
    app = application(Calls(supervisor).routes(), {"token": BearerGuard(AdminToken("s3cret"))})
    async with listen(app, "127.0.0.1", 0) as url, aiohttp.ClientSession(url, headers=TOKEN) as it:
        yield it


async def patch(http: aiohttp.ClientSession, room: str, **wanted: Any) -> tuple[int, Any]:
    async with http.patch(f"{ALL}/{room}", json=wanted) as answer:
        return answer.status, await answer.json()


async def test_who_hears_a_call_can_be_changed_piece_by_piece(http: aiohttp.ClientSession) -> None:
    usual = {"room": "abcd", "language": "en", "engine": "", "model": "", "readers": 1}
    async with http.get(ALL) as answer:
        assert await answer.json() == {"items": [usual], "next_cursor": None}
    policy = "en -> openai; else local"
    assert await patch(http, "abcd", engine=policy) == (200, usual | {"engine": policy})
    named = usual | {"engine": policy, "model": "whisper-1", "language": "de"}
    assert await patch(http, "abcd", model="whisper-1", language="de") == (200, named)
    assert await patch(http, "abcd", engine="", model="") == (200, usual | {"language": "de"})


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"engine": "kaldi"}, "there is no recogniser"),
        ({"engine": "en -> ->"}, "cannot be read"),
        ({"model": "a b"}, "pattern"),
        ({"language": "english please"}, "pattern"),
        ({"voice": "eve"}, "not permitted"),
    ],
)
async def test_what_is_wrong_is_named(
    http: aiohttp.ClientSession, wanted: dict[str, str], says: str
) -> None:
    status, problem = await patch(http, "abcd", **wanted)
    assert status == 422
    assert problem["errors"][0]["loc"] == list(wanted)
    assert says in problem["errors"][0]["msg"]


async def test_a_call_that_nobody_reads_is_not_there(http: aiohttp.ClientSession) -> None:
    assert (await patch(http, "efgh", engine="local"))[0] == 404


async def test_a_call_that_ends_meanwhile_is_over(
    http: aiohttp.ClientSession, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(room: str, engine: str, model: str = "") -> None:
        raise KeyError(room)

    monkeypatch.setattr(supervisor, "hear", gone)
    status, problem = await patch(http, "abcd", engine="local")
    assert (status, problem["detail"]) == (404, "the call is over")
