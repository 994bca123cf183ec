"""
What stays behind: connect, talk and close, many times, in one process.

    python -m tests.load.leak --cycles 2000 --json

Both sides are ours, over real ICE, DTLS and SRTP on loopback. Memory is looked at after every
batch, once the collector has taken what it would take at its own time; its slope is that of a
straight line through what comes after the warm-up.
"""

from __future__ import annotations

import asyncio
import sys

from tests.load import report
from tests.load.loopback import only_loopback
from tests.load.remains import Remains
from tests.load.speech import speech
from transcriber.audio.block import Block
from transcriber.rtc import Clip, Ears, Media, Peer

BATCH = 10
"""Cycles at the same time."""
TALK = 0.1
"""Seconds of speech in each cycle: one block and a little."""
PATIENCE = 10.0
"""Seconds for it to be heard."""


async def cycle(media: Media, clip: Clip) -> int:
    """Connect two peers, have one speak until the other hears a block, close; return the blocks."""
    blocks: asyncio.Queue[Block] = asyncio.Queue()
    listener = Peer(media, ears=Ears(on_block=blocks.put_nowait))
    speaker = Peer(media, mouth=True)
    try:
        await speaker.accept(await listener.answer(await speaker.offer()))
        await asyncio.gather(speaker.connect(), listener.connect())
        assert speaker.sender is not None
        speaker.sender.play(clip)
        async with asyncio.timeout(PATIENCE):
            await blocks.get()
    finally:
        await asyncio.gather(speaker.close(), listener.close())
    return 1


async def measure(cycles: int) -> dict[str, float]:
    clip = Clip.of(speech()[: round(TALK * 24_000)])
    heard = 0
    async with Media() as media:
        heard += await cycle(media, clip)
        remains = Remains()
        for _ in range(cycles // BATCH):
            heard += sum(await asyncio.gather(*(cycle(media, clip) for _ in range(BATCH))))
            remains.look()
        await asyncio.sleep(0.2)
        return {"cycles": cycles, "heard": heard, **remains.figures("cycle", BATCH)}


def main() -> int:
    options = report.parser(__doc__ or "")
    options.add_argument("--cycles", type=int, default=2_000)
    given = options.parse_args()
    only_loopback()
    figures = asyncio.run(measure(given.cycles))
    bars = [
        report.Bar("heard", figures["heard"], ">=", given.cycles),
        *Remains.bars(figures, "cycle", 2_048),
    ]
    return report.finish("leak", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
