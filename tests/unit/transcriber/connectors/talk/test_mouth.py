"""Our voice in a call: published with its first word, anew when its way is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from hpb import Answer, Candidate, Failed, Ice, Request
from tests.fakes.mouth import FakeMouth
from transcriber.audio.block import Samples
from transcriber.connectors.talk.mouth import ANSWER, PAUSE, Mouth

WORD: Samples = np.zeros(480, np.float32)


class Way:
    """A connection that stands as soon as it is asked to."""

    def __init__(self, *, mouth: bool, on_lost: Callable[[str], None]) -> None:
        assert mouth
        self.sender = FakeMouth()
        self.lose, self.ways, self.steps = on_lost, list[str](), list[str]()

    async def offer(self) -> str:
        return "offer"

    async def accept(self, answer: str) -> None:
        self.steps.append(answer)

    async def trickle(self, line: str) -> None:
        self.ways.append(line)

    async def connect(self) -> None:
        self.steps.append("connected")

    async def close(self) -> None:
        self.steps.append("closed")
        self.sender.stop()


class Stage:
    """A mouth, the connections it made, and what it told the server."""

    session_id = "we"

    def __init__(self) -> None:
        self.made: list[Way] = []
        self.sent: list[Request] = []
        self.flags: list[int] = []
        self.mouth = Mouth(self._dial)

    def _dial(self, *, mouth: bool, on_lost: Callable[[str], None]) -> Way:
        self.made.append(Way(mouth=mouth, on_lost=on_lost))
        return self.made[-1]

    async def send(self, request: Request) -> str:
        self.sent.append(request)
        return "1"

    def set_in_call(self, flags: int) -> None:
        self.flags.append(flags)

    async def say(self) -> None:
        self.mouth.play(WORD)
        await asyncio.sleep(PAUSE)

    async def answer(self, sid: str = "") -> None:
        self.mouth.answered(Answer("we", sid or self.sent[-1].sid, "video", "answer"))
        await asyncio.sleep(0.1)

    async def candidate(self, line: str, sid: str = "") -> None:
        ice = Ice(line) if line else None
        await self.mouth.candidate(Candidate("we", sid or self.sent[-1].sid, "video", ice))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    running = asyncio.create_task(stage.mouth.run(stage))
    await asyncio.sleep(0)
    yield stage
    running.cancel()
    await asyncio.wait([running])
    assert all(way.steps[-1] == "closed" for way in stage.made)


async def test_nothing_is_published_before_there_is_something_to_say(stage: Stage) -> None:
    reached: list[bool] = []
    stage.mouth.stop()
    stage.mouth.mark(reached.append)
    await asyncio.sleep(60)
    assert (stage.made, stage.sent, stage.flags, reached) == ([], [], [], [True])


async def test_the_first_word_waits_for_the_stream_and_then_we_have_sound(stage: Stage) -> None:
    await stage.say()
    (offer,) = stage.sent
    assert (offer.recipient, offer.topic) == ("we", "offer")
    await stage.candidate("too early")
    assert stage.flags == []
    await stage.answer()
    await stage.candidate("")
    (way,) = stage.made
    assert (way.steps, way.ways) == (["answer", "connected"], ["too early", ""])
    assert stage.flags == [3]
    await stage.say()
    assert stage.made == [way]


async def test_what_belongs_to_another_stream_is_dropped(stage: Stage) -> None:
    await stage.say()
    await stage.candidate("old", sid="old")
    await stage.answer(sid="old")
    stage.mouth.failed(Failed("client_not_found", request=Request("message", {})))
    assert stage.made[0].steps == []
    await stage.answer()
    await stage.answer()
    assert stage.made[0].ways == []


@pytest.mark.parametrize("answered", [False, True])
async def test_after_a_loss_the_next_word_publishes_anew(stage: Stage, answered: bool) -> None:
    await stage.say()
    if answered:
        await stage.answer()
    stage.made[0].lose("closed")
    await asyncio.sleep(0.1)
    assert stage.flags[-1] == 1
    stage.mouth.play(WORD)
    await asyncio.sleep(PAUSE / 2)
    assert len(stage.sent) == 1
    await asyncio.sleep(PAUSE)
    assert len(stage.sent) == 2
    await stage.answer()
    assert stage.flags[-1] == 3


async def test_a_refusal_and_a_missing_answer_end_the_try(stage: Stage) -> None:
    await stage.say()
    stage.mouth.failed(Failed("not_allowed", request=stage.sent[-1]))
    await asyncio.sleep(PAUSE + 1)
    await stage.say()
    await asyncio.sleep(ANSWER + 1)
    assert [way.steps for way in stage.made] == [["closed"], ["closed"]]


async def test_a_loss_before_anything_was_said_is_none(stage: Stage) -> None:
    stage.mouth.lose("the server knows us no more")
    await stage.say()
    await stage.answer()
    assert stage.flags == [3]
