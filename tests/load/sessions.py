"""
What stays behind of a recogniser's streams: opened, spoken to and closed, many times.

    python -m tests.load.sessions --sessions 500 --json

Each is somebody who joins, says one sentence, and leaves: through the gate and the captions layer,
with partials, four at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys

from tests.load.accuracy import DATA, TALKERS, Clip, blocks, clips, play
from tests.load.remains import Remains
from tests.load.report import Bar, finish, parser
from transcriber import app, config
from transcriber.captions.readable import readable
from transcriber.engines.gate import gated
from transcriber.engines.stt.base import Final, StreamOptions, Stt
from transcriber.engines.vad import Silero

LONGEST = 4.0
"""Seconds of the sentences that are taken."""
ROUND = 20
MOST = 4096
"""Bytes that may stay of each: what a line through noisy memory cannot tell from nothing."""


async def session(stt: Stt, clip: Clip) -> int:
    """Say one sentence; return the words of it that were heard."""
    words = 0
    async with stt.open(StreamOptions(partials=True)) as stream, asyncio.TaskGroup() as group:
        group.create_task(play(stream, blocks(clip.audio), None))
        async for heard in stream:
            if isinstance(heard, Final):
                words += len(heard.text.split())
    return words


async def some(stt: Stt, count: int, of: itertools.cycle[Clip]) -> int:
    """Hold so many sessions, a few at a time; return in how many something was heard."""
    waiting, words = [next(of) for _ in range(count)], list[int]()

    async def talk() -> None:
        while waiting:
            words.append(await session(stt, waiting.pop()))

    async with asyncio.TaskGroup() as group:
        for _ in range(TALKERS):
            group.create_task(talk())
    return sum(one > 0 for one in words)


async def measure(args: argparse.Namespace) -> dict[str, float]:
    short = itertools.cycle([clip for clip in clips(DATA) if clip.seconds <= LONGEST])
    engine = app.recogniser(config.load(os.environ), args.engine)
    async with engine:
        stt = readable(gated(engine, judge=Silero().voice))
        await some(stt, ROUND, short)
        remains, heard = Remains(), 0
        for _ in range(args.sessions // ROUND):
            heard += await some(stt, ROUND, short)
            remains.look()
        left = remains.figures("session", ROUND)
    return {"sessions": args.sessions, "heard": heard, **left}


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--engine", default="local")
    options.add_argument("--sessions", type=int, default=500)
    args = options.parse_args()
    figures = asyncio.run(measure(args))
    bars = [
        Bar("heard", figures["heard"], ">=", args.sessions // ROUND * ROUND),
        *Remains.bars(figures, "session", MOST),
    ]
    return finish("sessions", figures, bars, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
