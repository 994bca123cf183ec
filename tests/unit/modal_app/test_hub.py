from __future__ import annotations

import pytest

from modal_app.batcher import Batcher, Busy
from modal_app.hub import OUTBOX, Hub, Line, Model
from modal_app.loopback import Loopback, decode
from modal_app.protocol import End, Message, SpeechStarted
from modal_app.stream import Stream


def line() -> tuple[Line, Batcher, list[tuple[Stream, Message]]]:
    heard: list[tuple[Stream, Message]] = []
    batcher = Batcher(Loopback(1), decode, deliver=heard.extend)
    return Line(batcher, batcher.open()), batcher, heard


async def test_messages_come_in_order_and_end_with_the_end() -> None:
    mine, _, _ = line()
    for message in (SpeechStarted(1.0), SpeechStarted(2.0), End("ended"), SpeechStarted(3.0)):
        mine.put(message)

    assert [message async for message in mine] == [
        SpeechStarted(1.0),
        SpeechStarted(2.0),
        End("ended"),
    ]


async def test_a_client_that_does_not_read_is_ended_and_still_told_why() -> None:
    mine, batcher, said = line()
    for second in range(OUTBOX + 5):
        mine.put(SpeechStarted(float(second)))
    batcher.turn()
    mine.put(said[-1][1])
    heard = [message async for message in mine]

    assert len(heard) == OUTBOX + 1
    assert heard[-1] == End("slow consumer")


async def test_nobody_is_let_in_while_the_model_is_loading() -> None:
    hub = Hub(lambda: Model("loopback", Loopback(1), decode))

    with pytest.raises(Busy, match="the model is loading"):
        async with hub.open():
            pass
    assert hub.state == "loading"
    await hub.drain(1.0)


async def test_a_model_that_cannot_be_loaded_fails_the_service() -> None:
    def load() -> Model:
        raise FileNotFoundError("config.json")

    hub = Hub(load)
    with pytest.raises(FileNotFoundError):
        await hub.run()

    assert hub.state == "failed"
