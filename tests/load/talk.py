"""
What real calls cost, and what we add to the time of captions.

First a quiet room: from our coming in to the first sound, thirty times. Then many rooms at once,
in each of them people who speak all the time, two who read, and one who did not ask. Real
signaling server, real Janus; the recogniser only counts, so that nothing of what is measured is
its. Who reads and who speaks are processes of their own, as they are on machines of their own: no
reader waits for a speaker. Delays go by the clock that processes share.

`caption_added_ms` is from the recogniser's word to its reader, servers and readers on this machine
included; `caption_ours_ms` ends where our frame is on the socket. `cpu_*` says who had the cores
meanwhile, in cores, and `waited` how long we could have run and had none, in seconds a second.

  python -m tests.load.talk --rooms 20 --speakers 5 --seconds 60 --json
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from tests.fakes.call import FakeListener
from tests.load.processes import cpu_s, waited_s
from tests.load.report import Bar, finish, parser
from tests.load.talk_crowd import NAME
from tests.load.talk_timed import TimedTalk
from tests.peers.hpb_stack import HpbStack
from tests.peers.talk.audio import tone
from tests.peers.talk.captioned import ROOM, Place, captioned, speaks, talking
from tests.peers.talk.counting import Counting
from tests.peers.talk.programs import NEWEST
from transcriber.app.garbage import settle
from transcriber.connectors.talk.call import Server, Talk
from transcriber.engines.gate import GateRules, gated
from transcriber.rtc import Media

SETTLE = 5.0
"""Seconds for everybody to be heard before it counts, and for the last captions to arrive."""
READERS = 2
"""People in each room who asked for captions."""
PAGE_KB = 4
"""Kilobytes of a page of memory."""

Ticket = tuple[str, str, str]
"""A room, who may come into it, and what proves that."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many calls, how many who speak in each, and for how long."""

    rooms: int
    speakers: int
    seconds: float


async def join(talk: Talk) -> float:
    """Come in, hear, leave; seconds until the first sound."""
    clock, ear, call = asyncio.get_running_loop().time, FakeListener(), talk.connect(ROOM)
    began = clock()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(call.run(ear))
        await ear.first.wait()
        took = clock() - began
        call.hang_up()
    return took


async def join_often(joins: int) -> dict[str, float]:
    """Come into one call again and again."""
    async with talking(NEWEST) as stack, Media() as media, speaks(stack, "ann", tone(700)):
        server = Server(stack.url, stack.nextcloud.base_url, stack.internal_secret)
        talk = Talk(server, media)
        first = sorted([1000 * await join(talk) for _ in range(joins)])
    return {
        "join_to_audio_ms_p50": first[len(first) // 2],
        "join_to_audio_ms_p95": first[int(len(first) * 0.95)],
        "join_to_audio_ms_max": first[-1],
    }


class Crowd:
    """Another process with people; `homes` says in which room each of their sessions is."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self.homes: dict[str, str] = {}
        self._process = process

    async def tell(self, what: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        await self._process.stdin.drain()

    async def hears(self) -> Any:
        assert self._process.stdout
        async with asyncio.timeout(120):
            return json.loads(await self._process.stdout.readline())


@asynccontextmanager
async def crowd(stack: HpbStack, **people: list[Ticket]) -> AsyncIterator[Crowd]:
    """Bring people into their rooms, each kind with its in-call flags."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", NAME, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )  # fmt: skip
    try:
        found = Crowd(process)
        await found.tell({"url": stack.url, "backend": stack.nextcloud.base_url, **people})
        found.homes = await found.hears()
        for kind, those in people.items():
            for _, name, _ in those:
                await stack.nextcloud.set_in_call(f"nc-{name}", 3 if kind == "speakers" else 1)
        yield found
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def full(stack: HpbStack, rooms: int, speakers: int) -> AsyncIterator[tuple[Crowd, Crowd]]:
    """Fill rooms with people; gives those who read and those who speak."""

    def tickets(kind: str, count: int) -> list[Ticket]:
        names = [(room, f"{kind}-{room}-{one}") for room in range(rooms) for one in range(count)]
        return [(f"room{room}", name, stack.nextcloud.ticket(name)) for room, name in names]

    for number in range(rooms):
        stack.nextcloud.rooms[f"room{number}"] = {"name": "Room", "type": 2}
    readers, strangers = tickets("readers", READERS), tickets("strangers", 1)
    async with (
        crowd(stack, readers=readers, strangers=strangers) as audience,
        crowd(stack, speakers=tickets("speakers", speakers)) as talkers,
    ):
        for one in (audience, talkers):
            await one.tell(talkers.homes)
            assert await one.hears() == "begun"
        yield audience, talkers


async def listen(stack: HpbStack, place: Place, engine: Counting, load: Load) -> dict[str, float]:
    """Caption all rooms for a while; what it took of us, and what arrived of it."""
    before, place.talk = memory_mb(), (timed := TimedTalk(place.talk))
    async with full(stack, load.rooms, load.speakers) as (audience, talkers):
        for number in range(load.rooms):
            for reader in range(READERS):
                await place.captions.read(f"room{number}", f"nc-readers-{number}-{reader}")
        await asyncio.sleep(SETTLE)
        used = usage(stack, audience, talkers)
        await asyncio.sleep(load.seconds)
        now = usage(stack, audience, talkers)
        memory, engine.quiet = memory_mb() - before, True
        await asyncio.sleep(SETTLE)
        await audience.tell("end")
        found = await audience.hears()
    took = now.pop("time") - used.pop("time")
    shares = {name: (now[name] - used[name]) / took for name in now}
    count = load.rooms * load.speakers
    return {
        "rooms": load.rooms,
        "speakers": count,
        "captions": engine.said,
        **percentiles("caption_added_ms", found["delays"]),
        **percentiles("caption_ours_ms", timed.delays),
        "captions_lost": READERS * engine.said - len(found["delays"]),
        "captions_repeated": found["repeated"],
        "captions_misdelivered": found["misdelivered"],
        "cpu_ms_per_speaker_s": 1000 * shares["cpu_ours"] / count,
        "cpu_ms_per_room_s": 1000 * shares["cpu_ours"] / load.rooms,
        "rss_mb_per_speaker": memory / count,
        "rss_mb_per_room": memory / load.rooms,
        **shares,
    }


def usage(stack: HpbStack, audience: Crowd, talkers: Crowd) -> dict[str, float]:
    """What everybody has used so far, in seconds."""
    return {
        "time": time.monotonic(),
        "cpu_ours": time.process_time(),
        "cpu_readers": cpu_s(audience.pid),
        "cpu_speakers": cpu_s(talkers.pid),
        "cpu_signaling": cpu_s(stack.server.pid),
        "cpu_janus": cpu_s(stack.janus.pid),
        "waited": waited_s(),
    }


def percentiles(name: str, seconds: list[float]) -> dict[str, float]:
    """Return the usual ones, in milliseconds."""
    found = sorted(seconds)
    return {f"{name}_p{part}": 1000 * found[len(found) * part // 100] for part in (50, 99)}


def memory_mb() -> float:
    """Memory that is ours."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KB / 1024


async def measure(joins: int, load: Load) -> dict[str, float]:
    engine = Counting()
    heard = gated(engine, judge=None, rules=GateRules())
    first = await join_often(joins)
    async with talking(NEWEST) as stack, captioned(stack, heard) as place:
        settle()  # as the service does once it has started
        return first | await listen(stack, place, engine, load)


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--joins", type=int, default=30, help="times we come into a quiet call")
    options.add_argument("--rooms", type=int, default=20, help="calls at once")
    options.add_argument("--speakers", type=int, default=5, help="people who speak in each")
    options.add_argument("--seconds", type=float, default=60.0, help="of captions")
    args = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    figures = asyncio.run(measure(args.joins, Load(args.rooms, args.speakers, args.seconds)))
    bars = [
        Bar("join_to_audio_ms_p95", figures["join_to_audio_ms_p95"], "<=", 400),
        Bar("caption_added_ms_p99", figures["caption_added_ms_p99"], "<=", 60),
        Bar("captions_lost", figures["captions_lost"], "==", 0),
        Bar("captions_misdelivered", figures["captions_misdelivered"], "==", 0),
    ]
    return finish("talk", figures, bars, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
