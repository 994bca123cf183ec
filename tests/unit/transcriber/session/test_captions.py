"""What readers and subscribers of a call get, of two who speak at the same time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from tests.fakes.call import FakeCall
from tests.fakes.sentences import secret
from tests.fakes.stt import FakeOptions, FakeStt
from tests.load.redaction import leaks
from transcriber.audio.block import SAMPLES, SECONDS, Block, silence
from transcriber.bus.memory import Bus
from transcriber.call import Caption, Listener, Person
from transcriber.captions.readable import readable
from transcriber.captions.scribe import CaptionOptions
from transcriber.events import Event, SpeechFinal, SpeechPartial
from transcriber.session.attendant import Attendant
from transcriber.session.wishes import Wish

ANN, BOB = Person("a", "Ann"), Person("b", "Bob")
PAUSE = 3
"""Blocks of silence behind a sentence."""


async def overheard(
    ann: Sequence[str], bob: Sequence[str], **options: str
) -> tuple[list[Caption], list[Event]]:
    """Let two people say sentences at once; the captions that are shown, and all events."""
    words = tuple(dict.fromkeys(word for text in (*ann, *bob) for word in text.split()))

    def blocks(sentences: Sequence[str]) -> list[Block]:
        said = [
            [*(1 + words.index(word) for word in text.split()), *[0] * PAUSE] for text in sentences
        ]
        return [np.full(SAMPLES, number, np.float32) for text in said for number in text]

    async def script(listener: Listener) -> None:
        for person in (ANN, BOB):
            listener.joined(person)
        for one, other in zip_longest(blocks(ann), blocks(bob), fillvalue=silence()):
            listener.heard(ANN.id, one)
            listener.heard(BOB.id, other)
            await asyncio.sleep(SECONDS)
        await asyncio.sleep(5)

    bus, events, call = Bus(), list[Event](), FakeCall(script)
    bus.subscribe(Event, events.append)
    stt = readable(FakeStt(FakeOptions(words=words)), CaptionOptions.model_validate(options))
    attendant = Attendant(
        lambda room, wish: call, stt=stt, bus=bus, ended=lambda room: attendant.close()
    )
    attendant.start("r", Wish("r").read_by("reader"))
    async with asyncio.timeout(600):
        await attendant.run()
    return [caption for caption, _ in call.captions], events


async def test_each_has_captions_and_times_of_their_own() -> None:
    shown, events = await overheard(
        ["we could meet on Monday"], ["no I think that Tuesday is better"]
    )
    finals = {caption.person_id: caption.text for caption in shown if caption.final}
    assert finals == {"a": "we could meet on Monday", "b": "no I think that Tuesday is better"}
    ann, bob = [event.data for event in events if isinstance(event, SpeechFinal)]
    assert ann.start_ms == bob.start_ms == 0
    assert (ann.end_ms, bob.end_ms) == (400, 560)
    for person, text in finals.items():
        parts = [caption.text for caption in shown if caption.person_id == person]
        assert all(text.startswith(part) for part in parts)


async def test_nothing_that_is_redacted_leaves_the_session() -> None:
    """Neither in a caption, nor in an event, of which transcripts and webhooks are made."""
    rng = random.Random(5)
    secrets = [secret(rng) for _ in range(8)]
    ann, bob = ([one.text for one in secrets[half::2]] for half in (0, 1))
    shown, events = await overheard(ann, bob, REDACT="card,iban,phone,email")
    speech = [event.data for event in events if isinstance(event, SpeechPartial | SpeechFinal)]
    read = [
        *(caption.text for caption in shown),
        *(said.transcript for said in speech),
        *(" ".join(word.text for word in said.words) for said in speech),
    ]
    assert sum("[" in text for text in read) > len(secrets)
    assert [one for one in secrets if leaks(one, read)] == []
