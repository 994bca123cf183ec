"""
The CPU cost of the plumbing: a block on its way from the call to the recogniser's stream, and an
event on its way to its subscribers.

  python -m tests.load.hearing --speakers 500 --subscribers 5 --json
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.fakes.call import FakeCall
from tests.fakes.stt import FakeStt
from tests.load.report import Bar, finish, parser
from transcriber.audio.block import Block, silence
from transcriber.bus.memory import Bus
from transcriber.call import Listener, Person
from transcriber.engines.stt.base import Heard, StreamOptions
from transcriber.events import Speech, SpeechPartial
from transcriber.session.session import Session

BLOCKS = 100
"""Blocks of each speaker in one round: eight seconds of sound."""
EVENTS = 10_000
ROUNDS = 7
"""Repetitions; the median counts."""


class DeafStream:
    """Takes audio and does nothing with it."""

    dropped = 0

    def __init__(self) -> None:
        self._closed = asyncio.Event()

    def push(self, block: Block) -> None: ...

    async def ready(self) -> None: ...

    def flush(self) -> None: ...

    def close(self) -> None:
        self._closed.set()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        await self._closed.wait()
        nothing: tuple[Heard, ...] = ()
        for heard in nothing:
            yield heard


class DeafStt(FakeStt):
    """Opens deaf streams, so that only the way to them is measured."""

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[DeafStream]:  # type: ignore[override]
        yield DeafStream()


def microseconds(work: Callable[[], int]) -> float:
    """CPU time of one of the operations that `work` counts."""
    costs = []
    for _ in range(ROUNDS):
        began = time.process_time()
        done = work()
        costs.append((time.process_time() - began) / done * 1e6)
    return statistics.median(costs)


async def hearing(speakers: int) -> float:
    """What one block costs."""
    costs: list[float] = []
    block = silence()

    async def script(listener: Listener) -> None:
        people = [f"p{number}" for number in range(speakers)]
        for person_id in people:
            listener.joined(Person(person_id))
        await asyncio.sleep(0.1)

        def talk() -> int:
            for _ in range(BLOCKS):
                for person_id in people:
                    listener.heard(person_id, block)
            return BLOCKS * speakers

        costs.append(microseconds(talk))

    await Session(FakeCall(script), stt=DeafStt(), bus=Bus()).run()
    return costs[0]


def publishing(subscribers: int) -> float:
    """What one event costs: making it, and telling everybody."""
    bus = Bus()
    for _ in range(subscribers):
        bus.subscribe(SpeechPartial, lambda heard: None)

    def publish() -> int:
        for _ in range(EVENTS):
            speech = Speech(
                room="r", person_id="p", transcript="hello there", language="en",
                start_ms=0, end_ms=400,
            )  # fmt: skip
            bus.publish(SpeechPartial(session_id="s", data=speech))
        return EVENTS

    return microseconds(publish)


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--speakers", type=int, default=500)
    options.add_argument("--subscribers", type=int, default=5)
    args = options.parse_args()
    block, event = asyncio.run(hearing(args.speakers)), publishing(args.subscribers)
    figures = {
        "us_per_block": block,
        "us_per_event": event,
        "ms_per_second_of_all": args.speakers * (12.5 * block + 10 * event) / 1000,
    }
    bars = [Bar("us_per_block", block, "<=", 1.0), Bar("us_per_event", event, "<=", 20.0)]
    return finish("hearing", figures, bars, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
