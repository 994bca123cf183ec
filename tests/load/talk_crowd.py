"""
People of many calls in a process of their own: speakers, readers, and others who should get
nothing.

Started by `tests.load.talk`, which tells who they are on stdin as one JSON object; everybody is in
his room when it says on stdout who has which session there. A second line on stdin says in which
rooms all the sessions are that may be heard, and lets the speakers speak; it says `begun` when all
do. A third line ends it, with one JSON object about what arrived.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import AsyncExitStack
from typing import Any

import structlog

from hpb import Client, Message, Signaling, Ticket
from tests.load.speech import speech
from tests.peers.talk.counting import Counted
from tests.peers.talk.voice import voiced
from tests.peers.talk.watch import Watched, watch
from transcriber.app.garbage import settle
from transcriber.rtc import Clip, Media

__all__ = ["NAME"]

NAME = "tests.load.talk_crowd"
AT_ONCE = 8
"""Speakers that begin to publish at the same time."""


class Crowd:
    """Everybody, by what they do; each is `(room, name, ticket)`."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told
        self.homes: dict[str, str] = {}
        self._reads: list[Counted] = []
        self.misdelivered = 0

    async def enter(self, kind: str, stack: AsyncExitStack) -> list[tuple[str, Watched]]:
        """Bring those of one kind into their rooms."""
        found = []
        for room, name, ticket in self._told.get(kind, ()):
            proof = Ticket(self._told["backend"], ticket)
            who = Signaling(room, proof, nextcloud_session_id=f"nc-{name}")
            (person,) = await stack.enter_async_context(watch(Client(self._told["url"], who)))
            found.append((room, person))
            self.homes[person.hpb.session_id] = room
        return found

    async def read(self, room: str, person: Watched, *, asked: bool) -> None:
        """Take captions; those of another room, or not asked for, should not have come."""
        counted = Counted()
        if asked:
            self._reads.append(counted)
        async for event in person.hpb:
            if isinstance(event, Message) and event.type == "transcript":
                home = self.homes.get(event.data["speakerSessionId"])
                self.misdelivered += not asked or home != room
                counted.take(event.data)

    def found(self) -> dict[str, Any]:
        """What arrived."""
        return {
            "delays": [delay for counted in self._reads for delay in counted.delays.values()],
            "repeated": sum(counted.repeated for counted in self._reads),
            "misdelivered": self.misdelivered,
        }


async def main() -> None:
    reader = asyncio.StreamReader(limit=1 << 22)
    loop = asyncio.get_running_loop()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    crowd, slots = Crowd(json.loads(await reader.readline())), asyncio.Semaphore(AT_ONCE)
    clip = Clip.of(speech())
    settle()  # or its pauses would be counted as ours
    async with Media() as media, AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:

        async def speak(person: Watched, speaking: asyncio.Event) -> None:
            await slots.acquire()
            async with voiced(person, media, clip):
                slots.release()
                speaking.set()
                await asyncio.Event().wait()

        readers = await crowd.enter("readers", stack)
        strangers = await crowd.enter("strangers", stack)
        speakers = await crowd.enter("speakers", stack)
        running = [tasks.create_task(crowd.read(*one, asked=True)) for one in readers]
        running += [tasks.create_task(crowd.read(*one, asked=False)) for one in strangers]
        print(json.dumps(crowd.homes), flush=True)
        crowd.homes = json.loads(await reader.readline())
        events = [asyncio.Event() for _ in speakers]
        for (_, person), event in zip(speakers, events, strict=True):
            running.append(tasks.create_task(speak(person, event)))
        for event in events:
            await event.wait()
        print(json.dumps("begun"), flush=True)
        await reader.readline()
        print(json.dumps(crowd.found()), flush=True)
        for task in running:
            task.cancel()
    pipe.close()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(main())
