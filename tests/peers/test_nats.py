"""Events in a real NATS server: each arrives, once, also when it was away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest

from tests.peers import until
from tests.peers.nats import NatsServer, nats_server
from transcriber.bus import nats as bridge
from transcriber.bus.nats import Nats
from transcriber.events import CallStarted, Speech, SpeechFinal, SpeechPartial, Started


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with nats_server(tmp_path) as running:
        yield running


@asynccontextmanager
async def publishing(server: NatsServer, **options: Any) -> AsyncIterator[Nats]:
    names = {"stream": "EVENTS", "subject": "our.events", **options}
    one = Nats(server.url, **names)
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        one.close()
        await asyncio.wait_for(task, 10)


async def stored(server: NatsServer, count: int) -> list[tuple[str, Any]]:
    """Wait for so many events in the stream; their subjects and what they say."""
    connection = await nats.connect(server.url)
    try:
        stream = connection.jetstream()
        async with asyncio.timeout(20):
            while True:
                try:
                    if (await stream.stream_info("EVENTS")).state.messages >= count:
                        break
                except nats.js.errors.NotFoundError:
                    pass
                await asyncio.sleep(0.05)
        found = [await stream.get_msg("EVENTS", seq) for seq in range(1, count + 1)]
        return [(str(one.subject), json.loads(one.data or b"")) for one in found]
    finally:
        await connection.close()


def started(room: str) -> CallStarted:
    return CallStarted(session_id="s", data=Started(room=room))


async def test_events_arrive_under_their_type_as_everybody_gets_them(server: NatsServer) -> None:
    said = Speech(room="r", person_id="a", transcript="hi", language="en", start_ms=0, end_ms=9)
    async with publishing(server) as one:
        events = [started("r"), SpeechFinal(session_id="s", data=said)]
        one.take(SpeechPartial(session_id="s", data=said))
        for event in (*events, events[0]):
            one.take(event)
        found = await stored(server, 2)
    assert [subject for subject, _ in found] == [
        "our.events.call.started",
        "our.events.speech.final",
    ]
    assert [body for _, body in found] == [json.loads(one.model_dump_json()) for one in events]


async def test_a_server_that_was_away_gets_everything_once(server: NatsServer) -> None:
    async with publishing(server) as one:
        one.take(started("0"))
        await stored(server, 1)
        await server.process.stop()
        for number in range(1, 50):
            one.take(started(str(number)))
        await asyncio.sleep(1)
        await server.process.start()
        found = await stored(server, 50)
    assert [body["data"]["room"] for _, body in found] == [str(number) for number in range(50)]


async def test_who_closes_while_the_server_is_away_is_not_kept(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "WAITING", 3)
    lost: list[int] = []
    await server.process.stop()
    async with publishing(server, lost=lambda: lost.append(1)) as one:
        for number in range(5):
            one.take(started(str(number)))
        await until(lambda: len(lost) >= 1)


async def test_a_stream_that_cannot_be_made_is_said_and_events_go_on(server: NatsServer) -> None:
    connection = await nats.connect(server.url)
    await connection.jetstream().add_stream(name="EVENTS", subjects=["our.>"])
    await connection.close()
    async with publishing(server, stream="OTHER") as one:
        one.take(started("r"))
        assert len(await stored(server, 1)) == 1
