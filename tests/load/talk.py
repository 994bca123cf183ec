"""
What a real call costs in time: from our coming in to the first sound, and from words to readers.

The signaling server, Janus, a speaker, readers and we share this machine; delays are wall times.

  python -m tests.load.talk --joins 30 --seconds 10 --json
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter

import structlog

from hpb import Message
from tests.fakes.call import FakeListener
from tests.load.report import Bar, finish, parser
from tests.peers.hpb_stack import HpbStack
from tests.peers.talk.audio import tone
from tests.peers.talk.captioned import ROOM, speaks, talking
from tests.peers.talk.programs import NEWEST
from tests.peers.talk.watch import Watched, watch
from transcriber.bus.memory import Bus
from transcriber.captions.broadcaster import Broadcaster
from transcriber.connectors.talk.call import Server, Talk, TalkCall
from transcriber.events import Speech, SpeechFinal
from transcriber.rtc import Media

PACE = 0.05
"""Seconds between two captions: a busy room."""
SETTLE = 1.0
"""Seconds for the last captions to arrive."""


class Captions:
    """Numbered captions: when each was said, and when it reached whom."""

    def __init__(self) -> None:
        self.said: list[float] = []
        self.delays: list[float] = []
        self.reached: Counter[str] = Counter()

    async def read(self, name: str, person: Watched) -> None:
        clock = asyncio.get_running_loop().time
        async for event in person.hpb:
            if isinstance(event, Message) and event.type == "transcript":
                self.delays.append(clock() - self.said[int(event.data["message"])])
                self.reached[name] += 1

    async def say(self, bus: Bus, speaker: str, seconds: float) -> None:
        clock = asyncio.get_running_loop().time
        for number in range(round(seconds / PACE)):
            words = Speech(
                room=ROOM,
                person_id=speaker,
                transcript=str(number),
                language="en",
                start_ms=0,
                end_ms=1,
            )
            self.said.append(clock())
            bus.publish(SpeechFinal(session_id="s", data=words))
            await asyncio.sleep(PACE)
        await asyncio.sleep(SETTLE)


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


async def caption(stack: HpbStack, call: TalkCall, speaker: str, seconds: float) -> Captions:
    """Show captions to two who asked, while a third is in the room."""
    bus, found = Bus(), Captions()
    captions = Broadcaster(call.show, lambda: ["nc-bob", "nc-cid"])
    captions.subscribe(bus, "s")
    people = ("bob", "cid", "dan")
    async with (
        watch(*(stack.user(name, ROOM) for name in people)) as watched,
        asyncio.TaskGroup() as tasks,
    ):
        ear = FakeListener()
        running = [
            tasks.create_task(captions.run()),
            *(tasks.create_task(found.read(*one)) for one in zip(people, watched, strict=True)),
        ]
        tasks.create_task(call.run(ear))
        await ear.first.wait()
        await found.say(bus, speaker, seconds)
        call.hang_up()
        for task in running:
            task.cancel()
    return found


async def measure(joins: int, seconds: float) -> dict[str, float]:
    async with (
        talking(NEWEST) as stack,
        Media() as media,
        speaks(stack, "ann", tone(700)) as speaker,
    ):
        server = Server(stack.url, stack.nextcloud.base_url, stack.internal_secret)
        talk = Talk(server, media)
        first = sorted([await join(talk) for _ in range(joins)])
        found = await caption(stack, talk.connect(ROOM), speaker, seconds)
    delays, said = sorted(found.delays), len(found.said)
    return {
        "join_to_audio_ms_p50": 1000 * first[len(first) // 2],
        "join_to_audio_ms_p95": 1000 * first[int(len(first) * 0.95)],
        "join_to_audio_ms_max": 1000 * first[-1],
        "caption_added_ms_p50": 1000 * delays[len(delays) // 2],
        "caption_added_ms_p99": 1000 * delays[int(len(delays) * 0.99)],
        "captions_lost": 2 * said - found.reached["bob"] - found.reached["cid"],
        "captions_misdelivered": found.reached["dan"],
    }


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--joins", type=int, default=30, help="times we come into the call")
    options.add_argument("--seconds", type=float, default=10.0, help="of captions, 20 a second")
    args = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    figures = asyncio.run(measure(args.joins, args.seconds))
    bars = [
        Bar("join_to_audio_ms_p95", figures["join_to_audio_ms_p95"], "<=", 400),
        Bar("caption_added_ms_p99", figures["caption_added_ms_p99"], "<=", 60),
        Bar("captions_lost", figures["captions_lost"], "==", 0),
        Bar("captions_misdelivered", figures["captions_misdelivered"], "==", 0),
    ]
    return finish("talk", figures, bars, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
