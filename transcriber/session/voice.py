"""
Our mouth in a call: one thing after the other, and silent at once when somebody interrupts.

A text becomes sound sentence by sentence, some seconds ahead of what is being said, so that the
first word comes soon and no sentence waits for the next. The call gets the sound in small portions
and never holds more than a few of them: each comes back with whether it went out, and that is how
we know what was heard. Whoever stops us takes back everything but the packet on the wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Protocol, TypeAlias

import numpy as np

from dialogs.errors import VoiceFailed
from dialogs.ports import Sound, Style
from dialogs.sentences import Sentences
from transcriber.audio.block import RATE, Samples
from transcriber.errors import TranscriberError

__all__ = ["Fetch", "Loudspeaker", "Saying", "Speak", "Voice", "open_voice"]

FRAME = RATE // 50
"""Samples that go out at a time: a portion of anything else would be filled up with silence."""
PORTION = 10 * FRAME
"""Samples of the largest portion: a fifth of a second, which is half a word."""
AHEAD = 3
"""Portions that the call holds: enough that it never waits for us."""
STOCK = 50
"""Portions that are made ahead of what is being said; making waits when there are as many."""
SOUND_WITHIN = 10.0
"""Seconds in which more sound must come from whoever makes it."""
HEARD_WITHIN = 30.0
"""Seconds in which the call must get rid of a portion: it may be connecting again."""
WORD = 0.35
"""Seconds that a word takes to say, as long as a sentence's length is not known."""

Speak: TypeAlias = Callable[[str, Style], AsyncGenerator[Samples, None]]
"""Makes a sentence into sound; raises a `TranscriberError` or `VoiceFailed`."""
Fetch: TypeAlias = Callable[[Sound], AsyncGenerator[Samples, None]]
"""Reads a sound; raises a `TranscriberError` or `VoiceFailed`."""
Make: TypeAlias = Callable[[], AsyncGenerator[Samples, None]]


class Loudspeaker(Protocol):
    """The part of a `Call` that makes us heard."""

    def play(self, samples: Samples) -> None:
        """Make a sound after those before it."""

    def mark(self, reached: Callable[[bool], None]) -> None:
        """Tell whether all of them went out."""

    def stop(self) -> None:
        """Be silent at once."""


class Voice:
    """Says and plays in a call; a `dialogs.ports.Voice`. `open_voice` makes one."""

    def __init__(
        self, out: Loudspeaker, tasks: asyncio.TaskGroup, *, speak: Speak, fetch: Fetch
    ) -> None:
        self._out = out
        self._tasks = tasks
        self._speak = speak
        self._fetch = fetch
        self._expected: tuple[str, Style, Saying] | None = None
        self._making: set[asyncio.Task[None]] = set()

    def expect(self, text: str, style: Style) -> None:
        """Make sound of what will be said next; until then, or until something else is said."""
        self._expected = text, style, self._prepared(text, style)

    def say(self, text: str, style: Style) -> Saying:
        """Begin to speak."""
        expected, self._expected = self._expected, None
        if expected and expected[:2] == (text, style):
            return expected[2]
        if expected:
            expected[2].stop()
        return self._prepared(text, style)

    def play(self, sound: Sound) -> Saying:
        """Begin to play a sound."""
        return self._begin(Saying(self._out, [Sentence("", lambda: self._fetch(sound))]))

    def close(self) -> None:
        """Make no sound any more."""
        for task in self._making:
            task.cancel()
        self._out.stop()

    def _prepared(self, text: str, style: Style) -> Saying:
        cut = Sentences()
        said = [sentence for sentence in (*cut.push(text), cut.flush()) if sentence]
        parts = [Sentence(one, partial(self._speak, one, style)) for one in said]
        return self._begin(Saying(self._out, parts))

    def _begin(self, saying: Saying) -> Saying:
        saying.making = self._tasks.create_task(saying.make(), name="speech")
        self._making.add(saying.making)
        saying.making.add_done_callback(self._making.discard)
        return saying


@asynccontextmanager
async def open_voice(out: Loudspeaker, *, speak: Speak, fetch: Fetch) -> AsyncIterator[Voice]:
    """Have a voice while the block runs; afterwards it is silent."""
    async with asyncio.TaskGroup() as tasks:
        voice = Voice(out, tasks, speak=speak, fetch=fetch)
        try:
            yield voice
        finally:
            voice.close()


class Sentence:
    """One sentence: how it becomes sound, how many samples there are, how many went out."""

    def __init__(self, text: str, make: Make) -> None:
        self.words = text.split()
        self.make = make
        self.made = self.sent = 0
        self.complete = False

    @property
    def heard(self) -> list[str]:
        """The words that went out."""
        guess = 0 if self.complete else round(WORD * RATE * len(self.words))
        return self.words[: len(self.words) * self.sent // max(self.made, guess, 1)]


class Saying:
    """Something that is being said or played; a `dialogs.ports.Playback`."""

    making: asyncio.Task[None]

    def __init__(self, out: Loudspeaker, sentences: list[Sentence]) -> None:
        self._out = out
        self._sentences = sentences
        self._stock: asyncio.Queue[tuple[Sentence, Samples] | None] = asyncio.Queue(STOCK)
        self._room = asyncio.Semaphore(AHEAD)
        self._problem = ""
        self._begun = self._over = False

    async def make(self) -> None:
        """Make sound, sentence after sentence, ahead of what is being said."""
        try:
            for sentence in self._sentences:
                async with aclosing(_portions(sentence.make())) as portions:
                    async for portion in portions:
                        sentence.made += len(portion)
                        await self._stock.put((sentence, portion))
                sentence.complete = True
        except (TranscriberError, VoiceFailed) as error:
            self._problem = str(error)
        except TimeoutError:
            self._problem = f"no sound within {SOUND_WITHIN:g} s"
        await self._stock.put(None)

    async def finished(self) -> None:
        """Play what is made until the end or until stopped; raises `VoiceFailed`."""
        try:
            while item := await self._stock.get():
                await self._taken()
                self._play(*item)
            for _ in range(0 if self._over else AHEAD):
                await self._taken()
        except TimeoutError:
            self._fail(f"nothing could be sent for {HEARD_WITHIN:g} s")
        except TranscriberError as error:
            self._fail(str(error))
        self._over = True
        if self._problem:
            raise VoiceFailed(self._problem)

    def stop(self) -> str:
        """Be silent at once, and say which words went out."""
        if not self._over:
            self._halt()
            self._problem = ""
        return " ".join(word for sentence in self._sentences for word in sentence.heard)

    def _play(self, sentence: Sentence, portion: Samples) -> None:
        if not self._over:
            self._begun = True
            self._out.play(portion)
            self._out.mark(partial(self._went, sentence, len(portion)))

    def _went(self, sentence: Sentence, samples: int, reached: bool) -> None:
        self._room.release()
        if reached:
            sentence.sent += samples
        elif not self._over:
            self._fail("nobody can hear us in this call")

    def _fail(self, problem: str) -> None:
        self._halt()
        self._problem = problem

    def _halt(self) -> None:
        """Make no more sound, and wake who waits for it."""
        self._over = True
        self.making.cancel()
        while not self._stock.empty():
            self._stock.get_nowait()
        self._stock.put_nowait(None)
        if self._begun:
            self._out.stop()

    async def _taken(self) -> None:
        """Wait until the call has got rid of a portion."""
        async with asyncio.timeout(HEARD_WITHIN):
            await self._room.acquire()


async def _portions(sound: AsyncGenerator[Samples, None]) -> AsyncGenerator[Samples, None]:
    """Cut sound as it comes into whole frames, few enough for one portion."""
    rest = np.zeros(0, np.float32)
    async with aclosing(sound):
        while (samples := await _more(sound)) is not None:
            joined = np.concatenate([rest, samples])
            whole = len(joined) - len(joined) % FRAME
            rest = joined[whole:]
            for at in range(0, whole, PORTION):
                yield joined[at : min(at + PORTION, whole)]
    if len(rest):
        yield rest


async def _more(sound: AsyncGenerator[Samples, None]) -> Samples | None:
    async with asyncio.timeout(SOUND_WITHIN):
        return await anext(sound, None)
