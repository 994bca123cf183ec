"""What happens, told as it happens, to listeners that come and go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.fakes.store import MemoryStore
from tests.peers.service import service
from tests.peers.test_web import TOKEN
from transcriber.bus.memory import Bus
from transcriber.events import (
    EVENT_TYPES,
    CallStarted,
    CallTerminated,
    Event,
    Started,
    Terminated,
)
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.events import Live, Memory, live
from transcriber.web.server import application, listen

PATH = "/api/v1/events"


def started(room: str = "abcd") -> CallStarted:
    return CallStarted(session_id="ses_1", data=Started(room=room))


class House:
    """A bus, what it remembers, and a client."""

    def __init__(self, http: aiohttp.ClientSession, bus: Bus, memory: Memory) -> None:
        self.http, self.bus, self.memory = http, bus, memory

    async def happen(self, *events: Event) -> None:
        for event in events:
            self.bus.publish(event)
        await self.memory.keep(events)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    bus, memory = Bus(), Memory(MemoryStore())
    bus.subscribe(Event, memory.happened)
    guards: Any = {"token": BearerGuard(AdminToken("s3cret"))}
    app = application(Live(bus, memory).routes(), guards)
    async with listen(app, "127.0.0.1", 0) as url, aiohttp.ClientSession(url, headers=TOKEN) as it:
        yield House(it, bus, memory)


@asynccontextmanager
async def listening(house: House, **asked: Any) -> AsyncIterator[aiohttp.StreamReader]:
    async with asyncio.timeout(20), house.http.get(PATH, **asked) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        assert await answer.content.readuntil(b"\n\n") == b": still here\n\n"
        yield answer.content


async def next_event(content: aiohttp.StreamReader) -> dict[str, str]:
    block = ": still here"
    while block.startswith(":"):
        block = (await content.readuntil(b"\n\n")).decode().strip()
    return dict(line.split(": ", 1) for line in block.splitlines())


async def test_a_listener_is_told_what_happens(house: House) -> None:
    async with listening(house) as content:
        event = started()
        await house.happen(event)
        told = await next_event(content)
    assert (told["id"], told["event"]) == (event.id, "call.started")
    assert json.loads(told["data"]) == event.model_dump(mode="json")


async def test_only_what_is_wanted_is_told(house: House) -> None:
    over = CallTerminated(
        session_id="ses_1", data=Terminated(room="efgh", reason="ended", duration_ms=1)
    )
    wanted = {"types": "call.terminated,speech.*", "room": "efgh"}
    async with listening(house, params=wanted) as content:
        elsewhere = over.model_copy(update={"data": over.data.model_copy(update={"room": "x"})})
        await house.happen(started("efgh"), elsewhere, over)
        assert (await next_event(content))["id"] == over.id


@pytest.mark.parametrize("wrong", [{"types": "Speech"}, {"after": "12"}, {"kinds": "x"}])
async def test_what_cannot_be_wanted_is_refused(house: House, wrong: dict[str, str]) -> None:
    async with house.http.get(PATH, params=wrong) as answer:
        assert answer.status == 422


async def test_who_comes_back_misses_nothing_and_hears_nothing_twice(house: House) -> None:
    happened = [started(str(number)) for number in range(5)]
    for event in happened:
        house.bus.publish(event)
    for kept in (0, 2, 5):
        await house.memory.keep(happened[:kept])
        headers = {"Last-Event-ID": happened[0].id}
        async with listening(house, headers=headers) as content:
            told = [(await next_event(content))["id"] for _ in range(4)]
            assert told == [event.id for event in happened[1:]]
            last = started("new")
            house.bus.publish(last)
            assert (await next_event(content))["id"] == last.id
        house.memory._lately.remove(last)


async def test_who_does_not_follow_is_told_and_let_go(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BEHIND", 3)
    async with listening(house) as content:
        for _ in range(10):
            house.bus.publish(started())
        rest = (await content.read()).decode()
    assert rest.endswith("\n\n")
    assert '"code":"slow-consumer"' in rest


async def test_a_quiet_stream_shows_that_it_lives(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "QUIET", 0.05)
    async with listening(house) as content:
        assert await content.readuntil(b"\n\n") == b": still here\n\n"


async def test_there_is_an_end_to_listeners(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LISTENERS", 1)
    async with listening(house), house.http.get(PATH) as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "30"


async def test_a_websocket_tells_the_same(house: House) -> None:
    before, event = started(), started()
    await house.happen(before)
    async with asyncio.timeout(20), house.http.ws_connect(f"{PATH}/ws?types=call.*") as socket:
        assert await socket.receive_json() == {"type": "ready"}
        await socket.send_str("hello")
        assert (await socket.receive_json())["code"] == "unknown"
        await house.happen(event)
        told = await socket.receive_json()
        assert (told["type"], told["event"]["id"]) == ("event", event.id)


async def test_a_browser_offers_its_token_as_a_protocol(house: House) -> None:
    bare = {"Authorization": ""}
    offers = ("transcriber.v1", "bearer.s3cret")
    async with house.http.ws_connect(f"{PATH}/ws", headers=bare, protocols=offers) as socket:
        assert socket.protocol == "transcriber.v1", "the token is not repeated"
        assert await socket.receive_json() == {"type": "ready"}
    with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
        await house.http.ws_connect(f"{PATH}/ws", headers=bare, protocols=("bearer.wrong",))


async def test_a_slow_websocket_is_closed_with_a_reason(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BEHIND", 3)
    async with asyncio.timeout(20), house.http.ws_connect(f"{PATH}/ws") as socket:
        assert await socket.receive_json() == {"type": "ready"}
        for _ in range(10):
            house.bus.publish(started())
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            told = message.json()
        assert told["code"] == "slow-consumer"
        assert socket.close_code == 1008


async def test_old_events_are_forgotten() -> None:
    store = MemoryStore()
    await Memory(store).keep([started(), started()])
    assert await Memory(store).forget(1) == 0
    assert await Memory(store, now=lambda: 4e9).forget(1) == 2


async def test_the_running_service_lists_kinds_of_events_and_engines() -> None:
    async with service() as (http, _):
        async with http.get("/api/v1/event-types", headers=TOKEN) as answer:
            kinds = {item["type"]: item for item in (await answer.json())["items"]}
        async with http.get("/api/v1/engines", headers=TOKEN) as answer:
            engines = await answer.json()
    assert set(kinds) == set(EVENT_TYPES)
    schema = kinds["speech.final"]["json_schema"]
    assert schema["$id"] == "urn:transcriber:event:speech.final:v1"
    (local,) = [engine for engine in engines["recognisers"] if engine["name"] == "local"]
    assert (local["usable"], local["state"]["up"]) == (True, True)
    assert {voice["name"] for voice in engines["voices"]} >= {"local"}
