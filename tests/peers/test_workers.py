"""Rooms on several processes: each on one, and back again when it dies; one face for all."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import pytest

from tests.peers import until
from tests.peers.worker import ROUTES
from transcriber.session import loads, workers
from transcriber.session.attendant import Rooms
from transcriber.session.wishes import Wish
from transcriber.session.workers import Workers
from transcriber.web.forward import Forward, Owner
from transcriber.web.server import application, listen

COMMAND = (sys.executable, "-m", "tests.peers.worker")


class Crew:
    """Workers, the rooms they are given, and what they told."""

    def __init__(self, count: int, command: tuple[str, ...] = COMMAND, **options: Any) -> None:
        self.events: list[dict[str, Any]] = []
        self.reports: dict[int, Any] = {}
        self.ended: list[str] = []
        self.workers = Workers(
            count,
            command,
            on_event=lambda event: self.events.append(event["data"]),
            on_report=self.reports.__setitem__,
            **options,
        )
        self.rooms: Rooms

    def did(self, what: str, room: str = "") -> list[int]:
        """The processes that did something, in their order."""
        return [
            int(event["caller_id"])
            for event in self.events
            if event["protocol"].startswith(what) and (not room or event["room"] == room)
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Crew]:
        task = asyncio.create_task(self.workers.run())
        try:
            async with self.workers.attend("talk", None, self.ended.append) as self.rooms:  # type: ignore[arg-type]
                await until(lambda: all(self.workers.processes))
                yield self
        finally:
            self.workers.close()
            await asyncio.wait_for(task, 30)


def started(crew: Crew, room: str) -> list[int]:
    return crew.did("started", room)


@contextmanager
def apart() -> Iterator[None]:
    """Have rooms spread, whatever the first reports of young workers say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loads, "ROOM", 10.0)
        yield


async def test_rooms_are_spread_and_each_lives_on_one_worker() -> None:
    async with Crew(2).running() as crew:
        with apart():
            for number in range(4):
                crew.rooms.start(f"room{number}", Wish(f"room{number}"))
        crew.rooms.start("room0", Wish("room0", "de"))
        await until(lambda: len(crew.events) == 5)
        places = [crew.workers.place(f"talk/room{number}") for number in range(4)]
        assert sorted(place or 0 for place in places) == [0, 0, 1, 1]
        assert len(set(started(crew, "room0"))) == 1
        assert crew.did("started de", "room0")
        crew.rooms.stop("room0")
        crew.rooms.stop("room0")
        await until(lambda: crew.did("stopped", "room0"))
        assert crew.workers.place("talk/room0") is None
        processes = crew.workers.processes
    assert sorted(crew.did("closed")) == sorted(one for one in processes if one)
    for process in processes:
        assert process is not None
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


async def test_the_rooms_of_a_worker_that_dies_go_to_the_others_at_once_but_not_twice() -> None:
    async with Crew(2).running() as crew:
        with apart():
            crew.rooms.start("a", Wish("a"))
            crew.rooms.start("b", Wish("b"))
        await until(lambda: len(crew.events) == 2)
        (victim,), (other,) = started(crew, "a"), started(crew, "b")
        await until(lambda: all(crew.reports.get(n) for n in (0, 1)))
        os.kill(victim, signal.SIGKILL)
        await until(lambda: started(crew, "a") == [victim, other])
        await until(lambda: all(crew.workers.processes))
        assert started(crew, "b") == [other]
        os.kill(other, signal.SIGKILL)
        await until(lambda: len(started(crew, "a")) == 3 and len(started(crew, "b")) == 2)
        (third,) = started(crew, "a")[2:]
        assert third != started(crew, "b")[1]


async def test_a_worker_that_dies_comes_back_with_its_rooms_where_the_others_are_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loads, "FULL", 0.0)
    async with Crew(2).running() as crew:
        with apart():
            crew.rooms.start("a", Wish("a"))
            crew.rooms.start("b", Wish("b"))
        await until(lambda: len(crew.events) == 2 and all(crew.reports.get(n) for n in (0, 1)))
        (victim,) = started(crew, "a")
        os.kill(victim, signal.SIGKILL)
        await until(lambda: len(started(crew, "a")) == 2)
        assert started(crew, "a")[1] != victim
        assert len(started(crew, "b")) == 1


async def test_what_a_dying_worker_has_told_arrives() -> None:
    async with Crew(1).running() as crew:
        crew.rooms.start("last", Wish("last"))
        await until(lambda: started(crew, "last"))
        await until(lambda: crew.reports.get(0, 1) is None)
        crew.rooms.stop("last")
        said = [event["protocol"] for event in crew.events if event["room"] == "last"]
        assert said[1:] == [str(number) for number in range(len(said) - 1)]


async def test_a_worker_that_hangs_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SILENCE", 1.0)
    async with Crew(1).running() as crew:
        first = crew.workers.processes
        crew.rooms.start("hang", Wish("hang"))
        await until(lambda: crew.workers.processes not in (first, [None]))
        crew.rooms.stop("hang")


async def test_a_worker_that_grew_too_big_is_replaced_when_it_is_empty() -> None:
    async with Crew(2, most_memory=220 * 2**20).running() as crew:
        crew.rooms.start("big", Wish("big"))
        await until(lambda: started(crew, "big"))
        place = crew.workers.place("talk/big")
        await until(lambda: not crew.workers._workers[place or 0].load.open)
        for number in range(4):
            crew.rooms.start(f"{number}", Wish(f"{number}"))
            assert crew.workers.place(f"talk/{number}") != place
        before = crew.workers.processes
        crew.rooms.stop("big")
        await until(lambda: crew.reports.get(place or 0, 1) is None)
        await until(lambda: all(crew.workers.processes) and crew.workers.processes != before)
        assert len(started(crew, "0")) == 1


async def test_a_room_that_ends_by_itself_is_told_and_forgotten() -> None:
    async with Crew(1).running() as crew:
        crew.rooms.start("short", Wish("short"))
        await until(lambda: crew.ended == ["short"])
        assert crew.workers.place("talk/short") is None


async def test_a_worker_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MARGIN", 0.2)
    async with Crew(1, drain=0.2).running() as crew:
        crew.rooms.start("hang", Wish("hang"))
        await asyncio.sleep(0.3)
    assert not crew.did("closed")


async def test_a_program_that_is_no_worker_is_tried_again() -> None:
    crew = Crew(1, (sys.executable, "-c", "print()", "-m"))
    task = asyncio.create_task(crew.workers.run())
    await asyncio.sleep(0.5)
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])


@asynccontextmanager
async def face(crew: Crew) -> AsyncIterator[aiohttp.ClientSession]:
    """A server in front of the workers."""

    async def where(about: Mapping[str, str]) -> Owner | None:
        room = about["room_id"]
        return Owner(socket=str(crew.workers.where(f"room/{room}"))) if room != "here" else None

    async with Forward(where) as forward:
        app = application(ROUTES, {}, first=[forward])
        async with listen(app, "127.0.0.1", 0) as url, aiohttp.ClientSession(url) as http:
            yield http


async def test_requests_about_a_room_reach_its_worker_and_the_answer_comes_back() -> None:
    async with Crew(2).running() as crew, face(crew) as http:
        with apart():
            for room in "ab":
                crew.workers.where(f"room/{room}")
        processes = set()
        for room in "aabb":
            async with http.post(f"/api/v1/rooms/{room}/x", data=b"hello") as answer:
                assert (answer.status, await answer.read()) == (201, b"POST hello")
                assert answer.headers["X-Request-Id"]
                processes.add(int(answer.headers["X-Process"]))
        assert processes == set(crew.workers.processes)
        async with http.delete("/api/v1/rooms/here/x") as answer:
            assert int(answer.headers["X-Process"]) == os.getpid()
        async with http.get("/api/v1/rooms/a/die") as answer:
            assert answer.status == 503
            assert (await answer.json())["type"] == "room-away"
        async with http.get("/api/v1/rooms/a/x") as answer:
            assert answer.status == 201
            assert int(answer.headers["X-Process"]) in processes, "what ended one ended another"


async def test_websockets_reach_their_rooms_worker_both_ways() -> None:
    async with Crew(1).running() as crew, face(crew) as http:
        ws = await http.ws_connect("/api/v1/rooms/a/ws", protocols=["other", "echo"])
        assert ws.protocol == "echo"
        await ws.send_str("hello")
        assert await ws.receive_str() == f"{crew.workers.processes[0]} hello"
        await ws.send_bytes(b"x" * 100_000)
        assert len(await ws.receive_bytes()) == 100_000
        await ws.send_str("close")
        assert (await ws.receive()).data == 4001
        await ws.close()
        ws = await http.ws_connect("/api/v1/rooms/a/ws")
        process = crew.workers.processes[0]
        assert process
        os.kill(process, signal.SIGKILL)
        message = await asyncio.wait_for(ws.receive(), 30)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        await ws.close()
