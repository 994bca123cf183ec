"""
A `vosk-server`: Kaldi models on a machine of one's own, for some thirty languages.

The server answers every message with the words so far or, at a pause, with the sentence. It
writes without capitals and punctuation. It knows no flush, so silence of ours ends the sentence.
Its list of phrases is no hint but a grammar, outside of which nothing is heard: it is not used.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, Field

from transcriber.audio.block import RATE as CALL_RATE
from transcriber.audio.block import SECONDS, Block, Samples, silence
from transcriber.audio.resample import Resampler
from transcriber.audio.wav import pcm16
from transcriber.engines.stt.base import (
    EngineInfo,
    Final,
    Heard,
    Partial,
    SpeechStarted,
    StreamOptions,
    Word,
)
from transcriber.engines.stt.wire import (
    Address,
    Http,
    Message,
    Online,
    Padding,
    WireStream,
    reading,
)

__all__ = ["Conversation", "Vosk", "VoskOptions"]

RATE = 16_000
"""Samples per second the models want."""
ANSWER = 15.0
"""Seconds within which the server answers audio; large models on busy machines are slow."""
FLUSH = 13
"""Blocks of silence (one second) that end a sentence."""
BEFORE = 0.5
"""Seconds between a word and its first showing, roughly: partial results have no times."""
EOF = '{"eof" : 1}'
"""Exactly these characters: the server compares them."""


class VoskOptions(BaseModel):
    """Settings of a vosk-server."""

    url: str = Field(
        "",
        pattern=r"^(wss?://.+)?$",
        alias="LT_VOSK_SERVER_URL",
        description="address of a vosk-server: ws://host:2700",
    )
    languages: str = Field(
        "*",
        pattern=r"^(\*|[a-z]{2,3}(,[a-z]{2,3})*)$",
        alias="VOSK_LANGUAGES",
        description="languages of the vosk-server's model, such as en,de; *: whatever is asked for",
    )


class Vosk(Online):
    """One connection for each speaker."""

    Options = VoskOptions
    info = EngineInfo(
        name="vosk",
        title="vosk-server (Kaldi models on your own machine)",
        languages=("*",),
        word_times="exact",
        punctuation=False,
        confidence=True,
        licence="Apache-2.0",
        sample_rate=RATE,
    )

    def __init__(self, options: VoskOptions) -> None:
        self._options = options
        self.http = Http()
        self.info = replace(self.info, languages=tuple(options.languages.split(",")))

    def unusable(self) -> str:
        """Say what is missing."""
        return "" if self._options.url else "no address: set LT_VOSK_SERVER_URL"

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[WireStream]:
        """Start listening to one speaker."""
        async with self.http.talk(Address(self._options.url), Conversation(options)) as stream:
            yield stream


class Conversation:
    """What a vosk-server understands and says."""

    greets = False
    answers: float | None = ANSWER
    idle: float | None = None

    def __init__(self, options: StreamOptions) -> None:
        self.over = False
        self._partials = options.partials
        self._resampler = Resampler(CALL_RATE, RATE)
        self._clock = Padding()
        self._begun: float | None = None
        self._said = 0.0
        self._due = 0
        self._ended = False

    def hello(self) -> Iterable[Message]:
        """Say what the audio will be; this alone is not answered."""
        yield json.dumps({"config": {"sample_rate": RATE, "words": True}})

    def audio(self, block: Block) -> Iterable[Message]:
        """Samples as integers."""
        yield from self._pcm(self._resampler.push(block))
        self._clock.passed(SECONDS)

    def flush(self) -> Iterable[Message]:
        """Silence."""
        self._clock.inserted(FLUSH * SECONDS)
        for _ in range(FLUSH):
            yield from self._pcm(self._resampler.push(silence()))

    def end(self) -> Iterable[Message]:
        """Ask for the last words."""
        yield from self._pcm(self._resampler.flush())
        self._due += 1
        self._ended = True
        yield EOF

    def keep_alive(self) -> Message:
        """Never sent: the server waits for us."""
        raise NotImplementedError

    def heard(self, message: Message) -> Iterable[Heard]:
        """Understand an answer."""
        with reading():
            self._due -= 1
            self.over = self._ended and self._due <= 0
            match json.loads(message):
                case {"partial": str(text)}:
                    yield from self._partial(text)
                case {"text": str()} as sentence:
                    yield from self._final(sentence)
                case other:
                    raise TypeError(other)

    def rest(self) -> Iterable[Heard]:
        """Nothing: the answer to the end has it all."""
        return ()

    def _pcm(self, samples: Samples) -> Iterator[Message]:
        """Each message will be answered."""
        if len(samples):
            self._due += 1
            yield pcm16(samples)

    def _partial(self, text: str) -> Iterator[Heard]:
        if not text:
            return
        now = self._clock.sent
        yield from self._start(max(self._said, now - BEFORE))
        if self._partials and self._begun is not None:
            yield Partial(text, self._begun, max(self._begun, now))

    def _final(self, sentence: dict[str, Any]) -> Iterator[Heard]:
        text, words = sentence["text"], tuple(map(self._word, sentence.get("result", ())))
        if text and words:
            yield from self._start(words[0].start)
            confidence = sum(word.confidence or 0.0 for word in words) / len(words)
            self._said = words[-1].end
            yield Final(text, words[0].start, words[-1].end, words, confidence=confidence)
        self._begun = None

    def _start(self, at: float) -> Iterator[Heard]:
        if self._begun is None:
            self._begun = at
            yield SpeechStarted(at)

    def _word(self, word: dict[str, Any]) -> Word:
        start, end = self._clock.ours(float(word["start"])), self._clock.ours(float(word["end"]))
        return Word(word["word"], start, end, float(word["conf"]))
