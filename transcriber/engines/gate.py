"""
Who is silent costs nothing: a gate in front of any recogniser.

Most people in a call listen. The gate judges each block in three steps, the cheapest first: its
level (the receiver turns packets whose header says silent into zeros without decoding them, and
those end here), how far the level is above the noise of this speaker, and only then Silero. A
recogniser's stream is opened when somebody begins to speak. It gets the moments before as well,
so that no first word is lost, and some silence after, so that it finds the end by itself; then it
is told to finish. That somebody speaks is told by the gate, where a voice detector listens: a
recogniser over the network knows it much later. Where an open stream costs money or a place on a
GPU it is closed after a while and opened again for the next words.

The gate has the interface of a recogniser, and times remain those of the audio that was pushed
into it, silence included.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from transcriber import aio
from transcriber.audio.block import SECONDS, Block, Samples
from transcriber.audio.level import FLOOR, level
from transcriber.engines.around import Around
from transcriber.engines.feed import Feed
from transcriber.engines.stt.base import Final, Heard, SpeechStarted, StreamOptions, Stt
from transcriber.engines.stt.outbox import Outbox
from transcriber.engines.windows import Windows
from transcriber.errors import EngineError

__all__ = ["Ear", "GateRules", "Judge", "gated"]


class Judge(Protocol):
    """Tells voices from other sounds: `engines.vad.Voice`."""

    def probabilities(self, windows: Samples) -> list[float]:
        """Return how likely it is that somebody speaks in each row of `WINDOW` samples."""


@dataclass(frozen=True, slots=True)
class GateRules:
    """Seconds, decibels and probabilities."""

    quiet: float = -60.0
    """dBFS below which nobody speaks."""
    above_noise: float = 6.0
    """Decibels above the speaker's noise from which on it is worth asking for a voice."""
    noise_rises: float = 1.0
    """Decibels a second by which the noise is thought to have become louder."""
    voice: float = 0.4
    sure: float = 0.5
    """How likely a voice must be to be announced before the recogniser has heard it."""
    pre_roll: float = 0.48
    hangover: float = 1.04
    """Silence that is passed on: longer than recognisers need to find the end of an utterance."""
    park: float | None = None
    """Seconds of silence after which the recogniser's stream is closed; None: never."""


class Ear:
    """Judges one speaker's blocks, in their order."""

    def __init__(self, rules: GateRules, judge: Callable[[], Judge] | None) -> None:
        self.level = FLOOR
        self.sure = False
        """Whether it was certainly a voice, in the last block."""
        self._rules = rules
        self._make = judge
        self._noise = -math.inf
        self._voice: Judge | None = None
        self._windows = Windows()

    def hears(self, block: Block, before: Iterable[Block]) -> bool:
        """
        Whether somebody speaks in the block.

        `before` are the blocks before it that nobody spoke in; when there are none, somebody
        spoke a moment ago, and each sound is judged with care.
        """
        self.level, self.sure = level(block), False
        loud, pause = self._loud(), any(True for _ in before)
        if self._make is None or (pause and not loud):
            self._voice = None
            return loud
        if self._voice is None:
            self._begin(self._make(), before)
        probability = self._listen(block)
        self.sure = probability >= self._rules.sure
        return probability >= self._rules.voice

    def _loud(self) -> bool:
        if self.level <= FLOOR:
            return False
        rises = self._rules.noise_rises * SECONDS
        known = self._noise if math.isfinite(self._noise) else self._rules.quiet
        self._noise = min(self.level, known + rises)
        return self.level > max(self._rules.quiet, self._noise + self._rules.above_noise)

    def _begin(self, voice: Judge, before: Iterable[Block]) -> None:
        """A detector without memory hears the first syllable late: let it hear what was before."""
        self._voice, self._windows = voice, Windows()
        for block in before:
            self._listen(block)

    def _listen(self, block: Block) -> float:
        assert self._voice is not None
        return max(self._voice.probabilities(self._windows.push(block)), default=0.0)


def gated(
    stt: Stt, *, judge: Callable[[], Judge] | None = None, rules: GateRules | None = None
) -> Stt:
    """
    Make a recogniser that hears only those who speak.

    `judge` makes the voice detector of one speaker (`Silero.voice`); without it loudness decides.
    """
    chosen = rules or GateRules()

    @asynccontextmanager
    async def open_stream(options: StreamOptions) -> AsyncIterator[GatedStream]:
        stream = GatedStream(stt, options, Ear(chosen, judge), chosen)
        try:
            yield stream
        finally:
            stream.close()
            await stream.end()

    return Around(stt, open_stream)


class GatedStream:
    """One speaker: blocks with speech go on, words come back with their time in the call."""

    def __init__(self, stt: Stt, options: StreamOptions, ear: Ear, rules: GateRules) -> None:
        self._stt = stt
        self._options = options
        self._ear = ear
        self._rules = rules
        self._before: deque[tuple[int, Block]] = deque(maxlen=_blocks(rules.pre_roll))
        self._feed = Feed()
        self._count = 0
        self._silent = math.inf
        self._outbox = Outbox()
        self._events: AsyncGenerator[Heard, None] | None = None
        self._beginning: Literal["unheard", "announced", "known"] = "known"
        """Of this stretch of speech: whether we have announced it, or the recogniser has."""

    @property
    def dropped(self) -> int:
        """Blocks with speech that were forgotten, here or inside."""
        return self._feed.dropped

    @property
    def level(self) -> float:
        """How loud the last block was, in dBFS."""
        return self._ear.level

    @property
    def speaking(self) -> bool:
        """Whether audio is passed on at the moment."""
        return self._silent * SECONDS < self._rules.hangover

    def push(self, block: Block) -> None:
        """Send audio; silence ends here."""
        if self._feed.closed:
            return
        item = (self._count, block)
        self._count += 1
        if self._ear.hears(block, [old for _, old in self._before]):
            self._speech(item[0])
        else:
            self._silence()
        if self.speaking:
            self._feed.put(item)
        else:
            self._before.append(item)
        self._feed.go()

    async def ready(self) -> None:
        """Wait until a block can be pushed without dropping another."""
        await self._feed.ready(len(self._before) + 1)

    def flush(self) -> None:
        """End the utterance now."""
        if self.speaking and not self._feed.closed:
            self._feed.catch_up()
            self._feed.put(None)

    def close(self) -> None:
        """No more audio."""
        self._feed.close()

    async def end(self) -> None:
        """Let go of the recogniser's stream, also when nobody read its words to the end."""
        if self._events is not None:
            await self._events.aclose()

    def __aiter__(self) -> AsyncIterator[Heard]:
        self._events = self._listen()
        return self._events

    async def _listen(self) -> AsyncGenerator[Heard, None]:
        async with aio.alongside(self._read()):
            async for heard in self._outbox:
                yield heard

    async def _read(self) -> None:
        problem: EngineError | None = None
        try:
            while await self._feed.some():
                async with self._stt.open(self._options) as stream:
                    with self._feed.into(stream):
                        async for heard in stream:
                            if not self._known(heard):
                                await self._outbox.put(self._feed.times.placed(heard))
        except EngineError as error:
            problem = error
        finally:
            self._outbox.close(problem)

    def _known(self, heard: Heard) -> bool:
        """Whether we have announced this, and no words that were said before came after that."""
        began, announced = isinstance(heard, SpeechStarted), self._beginning == "announced"
        if began or (announced and isinstance(heard, Final)):
            self._beginning = "known"
        return began and announced

    def _speech(self, number: int) -> None:
        if not self.speaking:
            self._beginning = "unheard"
        self._silent = 0
        if self._ear.sure and self._beginning == "unheard":
            self._beginning = "announced"
            self._outbox.interject(SpeechStarted(round(number * SECONDS, 3)))
        while self._before:
            self._feed.wait(self._before.popleft())

    def _silence(self) -> None:
        was = self.speaking
        self._silent += 1
        if was and not self.speaking:
            self._feed.put(None)
        park = self._rules.park
        if park is not None and self._silent * SECONDS >= park:
            self._feed.park()


def _blocks(seconds: float) -> int:
    return max(1, round(seconds / SECONDS))
