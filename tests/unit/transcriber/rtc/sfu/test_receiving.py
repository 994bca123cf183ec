"""What a participant is offered, and what is done when no way to them is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import Mock

import pytest

from tests.unit.transcriber.rtc.sfu.members import Guest, track
from transcriber.rtc import Media
from transcriber.rtc.path import Unreachable
from transcriber.rtc.sfu import receiving
from transcriber.rtc.sfu.participant import Participant
from transcriber.rtc.sfu.receiving import ANSWERING, TRIES
from transcriber.rtc.sfu.room import Message, Plan, Room
from transcriber.rtc.sfu.subscriber import Offer


class Subscriber:
    """A connection that cannot be made until somebody says so."""

    reachable = False
    closing = 0.0
    """Seconds that its end takes."""

    def __init__(self, media: Media, **told: Any) -> None:
        self.legs: dict[str, object] = {}
        self.path: object | None = None
        self.revision = self.connected = 0
        self.adaptation = Mock()

    async def offer(self, tracks: Mapping[str, object], *, restart: bool = False) -> Offer:
        self.legs = dict(tracks)
        self.path = self
        self.revision += 1
        return Offer("sdp", self.revision, ())

    async def accept(self, answer: str) -> bool:
        return True

    async def connect(self) -> None:
        await asyncio.sleep(15)
        if not self.reachable:
            raise Unreachable("no address of the other side answers")
        self.connected += 1

    async def lose(self) -> None:
        await self.close()

    async def close(self) -> None:
        await asyncio.sleep(self.closing)
        self.path = None
        self.legs = {}


class Ann:
    """Somebody who answers every offer."""

    def __init__(self, room: Room) -> None:
        self.who = Participant(
            room, Mock(Media), identity="ann", name="Ann", grants=("join", "subscribe")
        )
        self.told: list[Message] = []
        self.answers = True

    def tell(self, message: Message) -> None:
        self.told.append(message)
        if message["type"] == "offer" and self.answers:
            answer = self.who.receiving.answer("sdp", message["revision"])
            self.who.start(answer)

    def heard(self, kind: str) -> int:
        return sum(message["type"] == kind for message in self.told)


@asynccontextmanager
async def present(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Ann, Subscriber]]:
    monkeypatch.setattr(receiving, "Subscriber", Subscriber)
    room = Room(Plan())
    bo = Guest("bo")
    bo.send(track("bo"))
    room.enter(bo)
    ann = Ann(room)
    found: Any = ann.who.receiving
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ann.who.run())
        await asyncio.sleep(0)
        ann.who.reach(ann.tell)
        yield ann, found._subscriber
        ann.who.leave("left")


async def test_what_is_not_answered_is_offered_again_when_something_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with present(monkeypatch) as (ann, _):
        ann.answers = False
        await asyncio.sleep(ANSWERING / 2)
        ann.who.follow()
        await asyncio.sleep(ANSWERING / 4)
        assert ann.heard("offer") == 1
        await asyncio.sleep(ANSWERING)
        assert ann.heard("offer") == 2


async def test_another_way_is_looked_for_a_few_times_and_again_when_they_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with present(monkeypatch) as (ann, way):
        await asyncio.sleep(300)
        assert (ann.heard("offer"), ann.heard("error")) == (TRIES, TRIES)
        way.reachable = True
        ann.who.receiving.restart()
        await asyncio.sleep(60)
        assert (ann.heard("offer"), ann.heard("error"), way.connected) == (TRIES + 1, TRIES, 1)


async def test_a_way_that_is_found_at_the_second_try_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with present(monkeypatch) as (ann, way):
        await asyncio.sleep(20)
        way.reachable = True
        await asyncio.sleep(60)
        assert (ann.heard("offer"), ann.heard("error"), way.connected) == (2, 1, 1)


async def test_who_comes_back_without_a_connection_is_offered_one_whatever_happens_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with present(monkeypatch) as (ann, way):
        way.reachable = True
        await asyncio.sleep(60)
        way.closing = 1.0
        back = asyncio.create_task(ann.who.fresh())
        await asyncio.sleep(0.5)
        (bo,) = ann.who.room.members.values()
        assert isinstance(bo, Guest)
        bo.send(track("bo"))
        ann.who.follow()
        await back
        assert ann.told[-1] == {"type": "closed", "reason": "replaced"}
        ann.told.clear()
        ann.who.reach(ann.tell)
        await asyncio.sleep(60)
        assert (ann.heard("offer"), way.connected) == (1, 2)


async def test_a_way_that_is_lost_while_an_offer_is_out_is_offered_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with present(monkeypatch) as (ann, way):
        way.reachable = True
        await asyncio.sleep(60)
        ann.answers = False
        ann.who.receiving.restart()
        await asyncio.sleep(1)
        ann.answers = True
        ann.who.receiving._lost(way)  # type: ignore[arg-type]
        await asyncio.sleep(1)
        assert ann.heard("offer") == 3
