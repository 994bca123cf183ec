"""
What a voice costs and how soon it is heard: `python -m tests.load.voices --json`.

Sentences that were never said before, one after the other and `--at-once` together, then the same
again as they are remembered; with `--engine` another voice than the embedded one. Processor time
includes that of programs a voice runs. `first_audio_ms` is until the first sound, on an otherwise
idle machine; `cpu_ms_per_second` is processor time for a second of speech.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from dataclasses import dataclass

from tests.load.report import Bar, finish, parser
from transcriber.app import speaker
from transcriber.audio.block import RATE
from transcriber.config import load
from transcriber.engines.tts.speaker import Speaker

SENTENCE = "This is sentence number {} of all those that nobody has heard before."


@dataclass(frozen=True, slots=True)
class Said:
    """How soon a sentence was heard, and how long it was, in seconds."""

    first: float
    length: float


async def say(speaker: Speaker, text: str, args: dict[str, str]) -> Said:
    """Say a sentence."""
    began, first, samples = time.perf_counter(), 0.0, 0
    async with speaker.speak(text, **args) as pieces:  # type: ignore[arg-type]
        async for piece in pieces:
            first = first or time.perf_counter() - began
            samples += len(piece.samples)
    return Said(first, samples / RATE)


def processor() -> float:
    """Seconds that the processor has worked for us."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


async def measure(sentences: int, at_once: int, wish: dict[str, str]) -> dict[str, float]:
    """Say everything; the figures."""
    texts = [SENTENCE.format(number) for number in range(sentences)]
    async with speaker(load(os.environ)) as voice:
        await say(voice, "One sentence first.", wish)
        before = processor()
        alone = [await say(voice, text, wish) for text in texts]
        cpu = processor() - before
        again = [await say(voice, text, wish) for text in texts]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(say(voice, f"{SENTENCE.format(number)} Together.", wish))
                for number in range(sentences, sentences + at_once)
            ]
    firsts = sorted(said.first * 1000 for said in alone)
    length = sum(said.length for said in alone)
    return {
        "first_audio_ms_p50": statistics.median(firsts),
        "first_audio_ms_p95": firsts[min(len(firsts) - 1, int(len(firsts) * 0.95))],
        "cached_first_audio_ms_p50": statistics.median(said.first * 1000 for said in again),
        "together_first_audio_ms_max": max(task.result().first for task in tasks) * 1000,
        "cpu_ms_per_second": cpu / length * 1000,
        "seconds_per_sentence": length / sentences,
    }


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--engine", default="local", help="whose voice")
    options.add_argument("--language", default="en")
    options.add_argument("--sentences", type=int, default=20)
    options.add_argument("--at-once", type=int, default=8)
    args = options.parse_args()
    wish = {"engine": args.engine, "language": args.language}
    figures = asyncio.run(measure(args.sentences, args.at_once, wish))
    bars = [
        Bar("first_audio_ms_p50", figures["first_audio_ms_p50"], "<=", 400.0),
        Bar("cached_first_audio_ms_p50", figures["cached_first_audio_ms_p50"], "<=", 20.0),
        Bar("cpu_ms_per_second", figures["cpu_ms_per_second"], "<=", 200.0),
    ]
    return finish("voices", figures, bars, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
