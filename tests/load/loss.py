"""
What lost packets do to words, ours beside aiortc's own way.

    python -m tests.load.loss --loss 0.05 --rounds 8 --json

The same real speech, as the same Opus packets with the same ones missing, goes through our
receiver and through aiortc's jitter buffer and decoder; the embedded recogniser hears both, and
what arrives without loss. `samples_off` is how far our timeline is from the true one in the end.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator, Sequence
from statistics import mean

import av
import numpy as np
from aiortc.codecs.opus import OpusDecoder
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

from tests.load import report, speech
from tests.peers.speech import WORDS, error_rate, plain
from transcriber.audio.block import RATE, Block, Blocks, Samples
from transcriber.audio.resample import Resampler
from transcriber.engines.stt.base import Final, StreamOptions
from transcriber.engines.stt.local import Local, LocalOptions
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.receiver import Formats, Receiver
from transcriber.rtc.rtp import write_header

PAUSE = np.zeros(RATE, np.float32)
"""Silence behind the speech, so that the last words are complete."""


def survivors(count: int, loss: float, seed: int) -> list[int]:
    """Return the numbers of the packets that arrive; the first and the last always do."""
    chance = random.Random(seed)
    ends = (0, count - 1)
    return [number for number in range(count) if number in ends or chance.random() >= loss]


def ours(packets: Sequence[bytes], arrived: Sequence[int]) -> Samples:
    """Return what our receiver makes of the packets that arrive."""
    blocks: list[Block] = []
    buffer, receiver = Buffer(), Receiver(Formats(codecs={111: "opus/48000"}), blocks.append)
    for number in arrived:
        start = write_header(buffer.data, 111, number, number * 960, source=1)
        size = start + len(packets[number])
        buffer.view[start:size] = packets[number]
        receiver.media(buffer, size, number * 0.02)
    receiver.expire(1e9)
    receiver.close()
    return np.concatenate(blocks)


def stock(packets: Sequence[bytes], arrived: Sequence[int]) -> Samples:
    """Return what aiortc's receiver would hand to somebody who awaits its track."""
    jitter, decoder = JitterBuffer(capacity=16, prefetch=4), OpusDecoder()
    resampler = Resampler(48_000, RATE)
    pieces: list[Samples] = []
    for number in [*arrived, *range(len(packets), len(packets) + 16)]:
        packet = RtpPacket(payload_type=111, sequence_number=number, timestamp=number * 960)
        packet.payload = packets[number] if number < len(packets) else packets[-1]
        packet._data = packet.payload  # type: ignore[attr-defined]
        _, frame = jitter.add(packet)
        if frame is not None:
            for decoded in decoder.decode(frame):
                assert isinstance(decoded, av.AudioFrame)
                left = decoded.to_ndarray().reshape(-1, 2)[:, 0].astype(np.float32) / np.float32(
                    32_768
                )
                pieces.append(resampler.push(left.astype(np.float32)))
    return np.concatenate(pieces)


async def words(stt: Local, samples: Samples) -> list[str]:
    """Return what the embedded recogniser hears."""
    finals: list[str] = []
    async with stt.open(StreamOptions(partials=False)) as stream:

        async def push() -> None:
            for block in _blocks(np.concatenate([samples, PAUSE])):
                await stream.ready()
                stream.push(block)
            stream.close()

        async with asyncio.TaskGroup() as group:
            group.create_task(push())
            finals += [heard.text async for heard in stream if isinstance(heard, Final)]
    return plain(" ".join(finals))


def _blocks(samples: Samples) -> Iterator[Block]:
    cutter = Blocks()
    yield from cutter.push(samples)
    yield from cutter.flush()


async def measure(loss: float, rounds: int) -> dict[str, float]:
    packets = speech.packets(speech.speech())
    count, off, kept = len(packets), 0, list[float]()
    rates: dict[str, list[float]] = {"ours": [], "stock": []}
    async with Local(LocalOptions(LOCAL_PARTIAL_SECONDS=0)) as stt:
        whole = ours(packets, range(count))
        clean = error_rate(WORDS, await words(stt, whole))
        for seed in range(rounds):
            arrived = survivors(count, loss, seed)
            heard = ours(packets, arrived)
            off = max(off, abs(len(heard) - len(whole)))
            rates["ours"].append(error_rate(WORDS, await words(stt, heard)))
            theirs = stock(packets, arrived)
            kept.append(len(theirs) / len(whole))
            rates["stock"].append(error_rate(WORDS, await words(stt, theirs)))
    return {
        "loss": loss,
        "words": len(WORDS) * rounds,
        "wer_clean": clean,
        "wer_ours": mean(rates["ours"]),
        "wer_stock": mean(rates["stock"]),
        "points_over_clean": mean(rates["ours"]) - clean,
        "stock_points_over_clean": mean(rates["stock"]) - clean,
        "samples_off": off,
        "stock_audio_kept": mean(kept),
    }


def main() -> int:
    options = report.parser(__doc__ or "")
    options.add_argument("--loss", type=float, default=0.05, help="share of packets lost")
    options.add_argument("--rounds", type=int, default=8, help="patterns of loss")
    given = options.parse_args()
    figures = asyncio.run(measure(given.loss, given.rounds))
    bars = [
        report.Bar("points_over_clean", figures["points_over_clean"], "<=", 3),
        report.Bar("samples_off", figures["samples_off"], "==", 0),
    ]
    return report.finish("loss", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
