"""
The part that tries everything out, with a known sentence: `POST /api/v1/self-test`.

The sentence is said in a room of its own, which is attended where rooms are attended, by the
recogniser that hears everybody, and its captions must come back through the store. Nobody else
learns of it: what happens there is published on a bus of its own.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from transcriber.app.house import Face, House
from transcriber.app.recognisers import recognisers
from transcriber.bus.memory import Bus
from transcriber.config import Settings
from transcriber.connectors.canned import SENTENCE, Canned
from transcriber.errors import Overloaded, TranscriberError
from transcriber.ids import new_id
from transcriber.session.attendant import Attendant, Rooms
from transcriber.session.crew import Ended
from transcriber.session.wishes import Wish
from transcriber.store import open_store
from transcriber.web.routes import Route, token

__all__ = ["Report", "self_test", "try_out"]

TOPIC = "self-test"
PATIENCE = 150.0
"""Seconds for the words to come back: a cold GPU may take two minutes."""
ENOUGH = 0.6
"""How much of the sentence must be heard: recognisers differ, silence does not."""
WORD = re.compile(r"[\w']+")


class Step(BaseModel):
    """One thing that was tried; `detail` says what came of it."""

    name: str
    ok: bool
    ms: int
    detail: str


class Report(BaseModel):
    """What came of the self-test."""

    ok: bool
    engine: str
    steps: list[Step]


@asynccontextmanager
async def self_test(house: House) -> AsyncIterator[Face]:
    """Attend the room where the sentence is said, and try everything for whoever asks."""
    async with _attended(house) as rooms:
        trial = Trial(house, rooms)
        admin, what = token("admin"), "Try everything with a known sentence"
        route = Route("POST", "/api/v1/self-test", trial.answer, admin, what, response=Report)
        yield Face([route])


async def try_out(settings: Settings) -> Report:
    """Try everything without a running service."""
    ears = recognisers(settings)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.store.url))
        if not ears.stt.unusable():
            await stack.enter_async_context(ears.stt)
        house = House(settings, Bus(), ears.stt, store)
        rooms = await stack.enter_async_context(_attended(house))
        return await Trial(house, rooms).run()


@asynccontextmanager
async def _attended(house: House) -> AsyncIterator[Rooms]:
    async def tell(room: str, text: str) -> None:
        await house.store.tell(TOPIC, {"room": room, "text": text})

    def make(ended: Ended) -> Attendant:
        def connect(room: str, wish: Callable[[], Wish]) -> Canned:
            return Canned(room, partial(tell, room))

        return Attendant(connect, stt=house.stt, bus=Bus(), ended=ended)

    async with house.crew.attend(TOPIC, make, lambda room: None) as rooms:
        yield rooms


class Trial:
    """Tries one thing after the other, for one caller at a time."""

    def __init__(self, house: House, rooms: Rooms) -> None:
        self._house, self._rooms = house, rooms
        self._busy = asyncio.Lock()

    async def answer(self, request: web.Request) -> Report:
        """Answer a request; refuse it while another is being answered."""
        if self._busy.locked():
            raise Overloaded("a self-test is running", remedy="wait for its end")
        return await self.run()

    async def run(self) -> Report:
        """Try everything; what fails does not keep the rest from being tried."""
        async with self._busy:
            steps = [
                await _step("store", self._keep),
                await _step("workers", self._attend),
                await _step("captions", self._listen),
            ]
        engine = self._house.stt.info.name
        return Report(ok=all(step.ok for step in steps), engine=engine, steps=steps)

    async def _keep(self) -> str:
        """Keep something, find it and forget it."""
        store, key = self._house.store, new_id("try")
        await store.put(TOPIC, key, key, expires=time.time() + PATIENCE)
        record = await store.get(TOPIC, key)
        if not record or not await store.forget(TOPIC, key):
            raise Failed("what was kept was not found")
        return "kept and found"

    async def _attend(self) -> str:
        if problem := self._house.crew.unready():
            raise Failed(problem)
        return "rooms can be attended"

    async def _listen(self) -> str:
        """Have the sentence heard, and compare."""
        if problem := self._house.stt.unusable():
            raise Failed(problem)
        room, wanted = new_id("try"), SENTENCE.split()
        heard, said = set[str](), asyncio.Event()

        def told(value: Any) -> None:
            if value["room"] == room:
                heard.update(WORD.findall(value["text"].lower()))
                said.set()

        silence = self._house.store.listen(TOPIC, told)
        self._rooms.start(room, Wish(room).read_by(TOPIC))
        try:
            right = await _enough(wanted, heard, said)
        finally:
            silence()
            self._rooms.stop(room)
        count = f"{right} of {len(wanted)} words were heard"
        if right < ENOUGH * len(wanted):
            raise Failed(count)
        return count


class Failed(TranscriberError):
    """Something that was tried does not work."""

    code = "self_test"


async def _enough(wanted: list[str], heard: set[str], said: asyncio.Event) -> int:
    """Wait until enough of the words were heard, but not for ever; how many were."""
    right = 0
    try:
        async with asyncio.timeout(PATIENCE):
            while right < ENOUGH * len(wanted):
                await said.wait()
                said.clear()
                right = sum(word in heard for word in wanted)
    except TimeoutError:
        pass
    return right


async def _step(name: str, work: Callable[[], Awaitable[str]]) -> Step:
    """Do one thing, and note how it went."""
    began = time.monotonic()
    try:
        ok, detail = True, await work()
    except TranscriberError as error:
        ok, detail = False, str(error)
    return Step(name=name, ok=ok, ms=round((time.monotonic() - began) * 1000), detail=detail)
