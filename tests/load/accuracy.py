"""
How well, how soon and how steadily a recogniser hears.

  python -m tests.load.accuracy --engine local --json              the set in tests/data/speech
  python -m tests.load.accuracy --engine local --data DIR --json   wav, flac or mp3 beside txt

Word errors are counted on final texts, for clean audio, noise at 10 dB, the telephone's 8 kHz
mu-law, and 5 % of packets lost. Latency and flicker come from a second pass in real time, through
the gate and the captions layer, as readers see it; the wait from a third, four people at once on
two `cores`:

* `partial_ms` is the time from a word to the partial that shows it, `final_ms` from the end of
  speech, as Silero hears it in the clean clip, to the final. The wait is what remains of it
  without the silence that ends an utterance: queue and decoding.
* `flicker` counts words that were shown and then changed, for each word of the finals, without
  case and punctuation; `flicker_exact` with them. `flicker_raw` is what the recogniser alone
  would do with clips that are not long, `flicker_tokens` what becomes of the recorded streams in
  `tests/wire/kyutai`, whose words come one by one and are said again, some otherwise, after a
  break; `flicker_tokens_raw` is what those alone would do.

`wer_made` is of clips in a folder `made`, which are generated: they count for nothing else.

Noise is pink unless a recording is given. Lost packets are 20 ms of silence: the worst a receiver
can do, ours conceals them.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import structlog

from tests.load.flicker import Seen, flicker, look, tokens
from tests.load.report import Bar, finish, parser
from tests.peers.speech import errors, plain
from tests.wire.kyutai import NAMES, recording
from transcriber import app, config
from transcriber.audio import g711
from transcriber.audio.block import RATE, SECONDS, Block, Blocks, Samples, silence
from transcriber.audio.resample import Resampler
from transcriber.captions.readable import readable
from transcriber.engines import segments
from transcriber.engines.gate import gated
from transcriber.engines.segments import WINDOW, Rules
from transcriber.engines.stt.base import (
    StreamOptions,
    Stt,
    SttStream,
)
from transcriber.engines.vad import Silero, installed

DATA = Path("tests/data/speech")
MADE = "made"
"""Folder in it of clips that no person said."""
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")
TWO_CITIES = (
    "it was the best of times it was the worst of times it was the age of wisdom it was the age of "
    "foolishness it was the epoch of belief it was the epoch of incredulity it was the season of "
    "light it was the season of darkness it was the spring of hope it was the winter of despair we "
    "had everything before us we had nothing before us we were all going direct to heaven we were "
    "all going direct the other way in short the period was so far like the present period that "
    "some of its noisiest authorities insisted on its being received for good or for evil in the "
    "superlative degree of comparison only"
)
PACKAGED = {
    "two_cities.wav": TWO_CITIES,
    "beckett.wav": "ever tried ever failed no matter try again fail again fail better",
}
"""Readings in the package of the embedded model, and their words."""
NOISE_DB = 10.0
LOST = 0.05
PACKET = RATE // 50
TALKERS = 4
"""People who talk at the same time."""
CORES = 2
"""Cores that the people who talk at the same time share, so that machines can be compared."""
SHORT = 20.0
"""Seconds of the clips of which it is told what a recogniser alone would show."""
TAIL = 20
"""Blocks of silence after each clip, so that its last utterance ends."""
VOICE = 0.5
"""Probability from which on somebody speaks."""
END_SILENCE_MS = 1000 * Rules().end_silence


@dataclass(frozen=True, slots=True)
class Clip:
    """Speech and its words."""

    name: str
    audio: Samples
    words: list[str]
    pauses: Sequence[float] = ()

    @property
    def seconds(self) -> float:
        return len(self.audio) / RATE


def read(path: Path) -> Samples:
    """A file as mono samples at our rate."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", RATE)
        frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32)


def clips(folder: Path) -> Iterator[Clip]:
    """All audio of a folder that has its words beside it."""
    for path in sorted(folder.iterdir()):
        if path.suffix in SUFFIXES and (words := path.with_suffix(".txt")).is_file():
            yield Clip(path.stem, read(path), plain(words.read_text()))
    package = installed("moonshine_voice")
    if folder == DATA and package:
        for name, text in PACKAGED.items():
            yield Clip(name, read(package / "assets" / name), plain(text))


def pink(size: int) -> Samples:
    """Noise with as much power in each octave."""
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(size))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise: Samples = np.fft.irfft(spectrum, size).astype(np.float32)
    return noise


def noisy(audio: Samples, noise: Samples | None) -> Samples:
    bed = pink(len(audio)) if noise is None else np.resize(noise, len(audio))
    gain = np.sqrt(np.mean(audio**2) / np.mean(bed**2)) / 10 ** (NOISE_DB / 20)
    mixed: Samples = np.clip(audio + gain * bed, -1, 1).astype(np.float32)
    return mixed


def telephone(audio: Samples) -> Samples:
    down, up = Resampler(RATE, g711.RATE), Resampler(g711.RATE, RATE)
    narrow = np.concatenate([down.push(audio), down.flush()])
    back = g711.decode_ulaw(g711.encode_ulaw(narrow))
    return np.concatenate([up.push(back), up.flush()])


def lossy(audio: Samples) -> Samples:
    """Coded by Opus, and every twentieth packet silent, by chance."""
    damaged, rng = opus(audio), random.Random(1)
    for start in range(0, len(damaged), PACKET):
        if rng.random() < LOST:
            damaged[start : start + PACKET] = 0
    return damaged


def opus(audio: Samples) -> Samples:
    """What is left of audio after Opus at 32 kbit/s, as browsers send it."""
    encoder = av.AudioCodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "flt"
    encoder.bit_rate = 32_000
    decoder = av.AudioCodecContext.create("libopus", "r")
    back = av.AudioResampler("flt", "mono", RATE)
    decoded: list[Samples] = []
    padded = np.concatenate([audio, np.zeros(-len(audio) % PACKET + 2 * PACKET, np.float32)])
    for start in range(0, len(padded), PACKET):
        frame = av.AudioFrame.from_ndarray(padded[None, start : start + PACKET], "flt", "mono")
        frame.sample_rate, frame.pts = RATE, start
        for packet in encoder.encode(frame):
            for heard in decoder.decode(packet):
                decoded += [f.to_ndarray()[0] for f in back.resample(heard)]
    return np.concatenate(decoded)[: len(audio)]


def blocks(audio: Samples) -> list[Block]:
    cutter = Blocks()
    return [*cutter.push(audio), *cutter.flush(), *(silence() for _ in range(TAIL))]


def pauses(audio: Samples, silero: Silero) -> list[float]:
    """Seconds at which the voice stops."""
    resampler, voice, ends, spoke = Resampler(RATE, segments.RATE), silero.voice(), [], False
    heard = np.concatenate([resampler.push(audio), resampler.flush(), np.zeros(WINDOW, np.float32)])
    windows = heard[: len(heard) - len(heard) % WINDOW].reshape(-1, WINDOW)
    for place, chance in enumerate(voice.probabilities(windows)):
        if spoke and chance < VOICE:
            ends.append(place * WINDOW / segments.RATE)
        spoke = chance >= VOICE
    return ends


async def hear(stt: Stt, clip: Clip, *, paced: bool) -> Seen:
    """Play a clip, as fast as it is taken or in real time."""
    seen, loop = Seen(clip.pauses), asyncio.get_running_loop()
    options = StreamOptions(partials=paced)
    async with stt.open(options) as stream, asyncio.TaskGroup() as group:
        began = loop.time()
        group.create_task(play(stream, blocks(clip.audio), began if paced else None))
        shown = ""
        async for heard in stream:
            shown = look(seen, heard, loop.time() - began, shown)
    return seen


async def play(stream: SttStream, audio: Sequence[Block], began: float | None) -> None:
    clock = asyncio.get_running_loop().time
    for number, block in enumerate(audio, 1):
        await stream.ready()
        stream.push(block)
        if began is not None:
            await asyncio.sleep(max(0.0, began + number * SECONDS - clock()))
    stream.close()


async def accuracy(stt: Stt, found: Sequence[Clip], change: Callable[[Samples], Samples]) -> Cost:
    """Error rate and processor time, finals only."""
    wrong = letters_wrong = words = letters = 0
    cpu = 0.0
    damaged = [Clip(clip.name, change(clip.audio), clip.words) for clip in found]
    for clip in damaged:
        began = time.process_time()
        seen = await hear(stt, clip, paced=False)
        cpu += time.process_time() - began
        said = plain(" ".join(seen.texts))
        wrong, words = wrong + errors(clip.words, said), words + len(clip.words)
        letters_wrong += errors(" ".join(clip.words), " ".join(said))
        letters += len(" ".join(clip.words))
    seconds = sum(clip.seconds for clip in found)
    return Cost(100 * wrong / words, 100 * letters_wrong / letters, cpu / seconds)


@dataclass(frozen=True, slots=True)
class Cost:
    """Percent of wrong words and letters, and CPU seconds for each second of audio."""

    wer: float
    cer: float
    cpu: float


async def generated(stt: Stt, made: Sequence[Clip]) -> dict[str, float]:
    """What synthetic voices are heard to say: many words, though nobody's."""
    words = sum(len(clip.words) for clip in made)
    return {"words_made": words, "wer_made": (await accuracy(stt, made, lambda a: a)).wer}


async def live(stt: Stt, found: Sequence[Clip], talkers: int) -> tuple[list[Seen], float]:
    """So many people at once, in real time; what was seen, and CPU for each second of audio."""
    waiting, seen = sorted(found, key=lambda clip: clip.seconds), []

    async def talk() -> None:
        while waiting:
            seen.append(await hear(stt, waiting.pop(), paced=True))

    began = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(talkers):
            group.create_task(talk())
    return seen, (time.process_time() - began) / sum(clip.seconds for clip in found)


@contextmanager
def few_cores() -> Iterator[int]:
    """Have all threads of this process share at most `CORES` cores; yields how many."""
    before = os.sched_getaffinity(0)
    few = set(sorted(before)[:CORES])
    spread(few)
    try:
        yield len(few)
    finally:
        spread(before)


def spread(cores: set[int]) -> None:
    """Let every thread of this process run on these cores alone."""
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)


def memory_mb() -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def p(percent: int, values: Iterable[float]) -> float:
    return float(np.percentile(list(values), percent))


async def measure(args: argparse.Namespace) -> dict[str, float]:
    found = list(clips(args.data))
    if not found:
        raise SystemExit(f"{args.data} has no audio with a text of the same name beside it")
    noise = read(args.noise) if args.noise else None
    engine = app.recogniser(config.load(os.environ), args.engine)
    if why := engine.unusable():
        raise SystemExit(f"{args.engine} cannot be used here: {why}")
    async with engine:
        clean = await accuracy(engine, found, lambda audio: audio)
        figures = {
            "clips": len(found),
            "words": sum(len(clip.words) for clip in found),
            "audio_s": sum(clip.seconds for clip in found),
            "wer": clean.wer,
            "cer": clean.cer,
            "cpu_per_audio_s": clean.cpu,
        }
        damages: dict[str, Callable[[Samples], Samples]] = {
            "noise10": lambda a: noisy(a, noise),
            "ulaw8k": telephone,
            "loss5": lossy,
        }
        for name, damage in damages.items():
            damaged = await accuracy(engine, found, damage)
            figures |= {f"wer_{name}": damaged.wer, f"cer_{name}": damaged.cer}
        if (more := args.data / MADE).is_dir():
            figures |= await generated(engine, list(clips(more)))
        silero = Silero()
        found = [replace(clip, pauses=pauses(clip.audio, silero)) for clip in found]
        captions = readable(gated(engine, judge=silero.voice))
        behind_gate = await accuracy(captions, found, lambda audio: audio)
        alone, cpu = await live(captions, found, 1)
        with few_cores() as cores:
            together, _ = await live(captions, found, TALKERS)
        short = [clip for clip in found if clip.seconds < SHORT] or found
        raw, _ = await live(engine, short, TALKERS)
    recorded = [recording(name) for name in NAMES]
    streams = await asyncio.gather(*(tokens(one) for one in recorded))
    streams_raw = await asyncio.gather(*(tokens(one, captions=False) for one in recorded))
    partials = [ms for one in alone for ms in one.partials_ms]
    finals = [ms for one in alone for ms in one.finals_ms]
    waits = [max(0.0, ms - END_SILENCE_MS) for one in together for ms in one.finals_ms]
    return figures | {
        "wer_gated": behind_gate.wer,
        "cpu_per_audio_s_partials": cpu,
        "partial_ms_p50": p(50, partials),
        "final_ms_p50": p(50, finals),
        "final_ms_p95": p(95, finals),
        "wait_ms_p95": p(95, waits),
        "cores": cores,
        "flicker": flicker(alone),
        "flicker_exact": flicker(alone, exact=True),
        "flicker_raw": flicker(raw),
        "flicker_tokens": flicker(streams, exact=True),
        "flicker_tokens_raw": flicker(streams_raw, exact=True),
        "rss_mb": memory_mb(),
    }


BARS = {
    "wer": 8,
    "wer_made": 8,
    "wer_noise10": 10,
    "wer_ulaw8k": 10,
    "cpu_per_audio_s": 0.03,
    "cpu_per_audio_s_partials": 0.15,
    "final_ms_p95": 700,
    "wait_ms_p95": 500,
    "flicker": 0.1,
    "flicker_exact": 0.1,
    "flicker_tokens": 0.1,
}
"""What the embedded recogniser has to reach."""


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--engine", default="local")
    options.add_argument("--data", type=Path, default=DATA, help="folder of audio and texts")
    options.add_argument("--noise", type=Path, help="a recording instead of pink noise")
    args = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    figures = asyncio.run(measure(args))
    bars = [Bar(name, figures[name], "<=", BARS[name]) for name in BARS if name in figures]
    return finish("accuracy", figures, bars if args.engine == "local" else (), as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
