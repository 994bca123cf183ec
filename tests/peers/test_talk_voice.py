"""A dialog in a real Talk call: heard through Janus, silent when interrupted, answering words."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np

from dialogs import Library
from dialogs.ports import Sound as File
from dialogs.ports import Style
from hpb import InCall
from tests.fakes.store import MemoryStore
from tests.peers import until
from tests.peers.talk.audio import Microphone, listen, measure
from tests.peers.talk.captioned import ROOM, captioned, sentence, speaks, talking
from tests.peers.talk.media import hearing
from tests.peers.talk.programs import NEWEST
from tests.peers.talk.watch import watch
from tests.unit.transcriber.session.talks import Web
from transcriber.audio.block import RATE, Samples
from transcriber.bus.memory import Bus
from transcriber.engines.stt.local import Local, LocalOptions
from transcriber.events import Event
from transcriber.session.accounts import Accounts
from transcriber.session.conversations import Conversations
from transcriber.session.host import Engines, Order

SECONDS = 60
FLOW = """
name: desk
initial_state: greet
states:
  greet:
    on_enter: [{type: play_tts, params: {text: "700"}}]
    transitions: [{event: speech, target: answer}]
  answer:
    on_enter: [{type: listen, params: {barge_in: false}}, {type: play_tts, params: {text: "900"}}]
"""


async def hum(text: str, style: Style) -> AsyncGenerator[Samples, None]:
    """Say a number by a tone of so many hertz, for longer than anybody listens."""
    second = np.sin(2 * np.pi * int(text) * np.arange(RATE) / RATE).astype(np.float32)
    for _ in range(SECONDS):
        yield second


async def play(sound: File) -> AsyncGenerator[Samples, None]:
    """Have no files."""
    yield np.zeros(0, np.float32)


async def test_it_is_heard_through_janus_interrupted_and_answers(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text(FLOW)
    happened: list[str] = []

    def talks(bus: Bus) -> Conversations:
        bus.subscribe(Event, lambda event: happened.append(event.type))
        accounts, library = Accounts(MemoryStore()), Library(tmp_path)
        return Conversations(library, Engines(hum, play, Web()), accounts=accounts, bus=bus)

    microphone = Microphone(sentence(tmp_path))
    async with (
        talking(NEWEST) as stack,
        Local(LocalOptions()) as ears,
        captioned(stack, ears, talks=talks) as place,
        watch(stack.user("bob", ROOM)) as (bob,),
        speaks(stack, "ann", microphone),
    ):
        await stack.nextcloud.set_in_call("nc-bob", 1)
        assert place.talks
        await place.talks.start(Order("desk", place="talk", room=ROOM))
        told = await bob.until(
            InCall, lambda one: any(p.internal and p.speaks for p in one.participants)
        )
        (bot,) = (one.session_id for one in told.participants if one.internal)
        async with hearing(bob, bot) as track:
            heard = await measure(track)
            assert heard.hertz == 700
            assert heard.rms > 0.4
            microphone.say()
            while "tts.interrupted" not in happened:
                await track.recv()
            await until(lambda: "speech.final" in happened)
            microphone.hush()
            await listen(track, 1.0)
            answer = await measure(track)
            assert answer.hertz == 900
