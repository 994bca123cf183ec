"""
IBM Watson's live recognition.

A connection holds one recognition after another, each begun by `start` and ended by `stop`, and
only `stop` brings the words so far; so a flush ends one and begins the next, whose times count
from its own beginning. What is said between a `stop` and its answer waits here.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import Field, SecretStr

from transcriber.audio.block import RATE, SECONDS, Block
from transcriber.audio.wav import pcm16
from transcriber.engines.ibm import Counter, Tokens
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
    PATIENCE,
    Address,
    Http,
    Message,
    Online,
    WireStream,
    reading,
)
from transcriber.errors import EngineError

__all__ = ["Ibm", "IbmOptions"]

MODELS = {
    "de": "de-DE_Multimedia",
    "en": "en-US_Multimedia",
    "en-AU": "en-AU_Multimedia",
    "en-GB": "en-GB_Multimedia",
    "es": "es-ES_Multimedia",
    "fr": "fr-FR_Multimedia",
    "fr-CA": "fr-CA_Multimedia",
    "it": "it-IT_Multimedia",
    "ja": "ja-JP_Multimedia",
    "ko": "ko-KR_Multimedia",
    "nl": "nl-NL_Multimedia",
    "pt": "pt-BR_Multimedia",
}
"""By language; the two letters alone stand for every other region."""
IDLE = 20.0
"""Seconds without audio; after 30 the service closes the connection."""
HESITATION = "%HESITATION"


class IbmOptions(Counter):
    """Settings of IBM Watson."""

    key: SecretStr = Field(
        SecretStr(""), alias="IBM_STT_API_KEY", description="key of IBM Watson Speech to Text"
    )
    url: str = Field(
        "",
        pattern=r"^(wss?://.+|https?://.+)?$",
        alias="IBM_STT_URL",
        description="address of your instance of it, as IBM Cloud shows it beside the key",
    )
    model: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]*$",
        alias="IBM_STT_MODEL",
        description="model of IBM Watson; empty: the Multimedia model of the language",
    )


class Ibm(Online):
    """One connection for each speaker, one token for all."""

    Options = IbmOptions
    info = EngineInfo(
        name="ibm",
        title="IBM Watson Speech to Text",
        languages=tuple(dict.fromkeys(code.partition("-")[0] for code in MODELS)),
        models=tuple(MODELS.values()),
        word_times="exact",
        punctuation=False,
        confidence=True,
        licence="commercial service",
    )

    def __init__(self, options: IbmOptions) -> None:
        self._options = options
        self.http = Http()
        self._tokens = Tokens(self.http, options.tokens, options.key)

    def unusable(self) -> str:
        """Say what is missing."""
        return self._options.lacking

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[WireStream]:
        """Start listening to one speaker."""
        language, ours = options.language, self._options
        known = MODELS.get(language) or MODELS.get(language.partition("-")[0], "")
        url = f"{ours.url.rstrip('/').replace('http', 'ws', 1)}/v1/recognize"
        headers = {"Authorization": f"Bearer {await self._tokens.token()}"}
        params = {"model": options.model or ours.model or known}
        async with self.http.talk(Address(url, params, headers), Recognitions(options)) as stream:
            yield stream


class Recognitions:
    """One recognition after another over one connection."""

    greets = True
    answers: float | None = None
    idle: float | None = IDLE

    def __init__(self, options: StreamOptions) -> None:
        self.over = False
        self._partials = options.partials
        self._sent = 0.0
        self._began: deque[float] = deque()
        """When the recognitions began that are not over."""
        self._begun: float | None = None
        self._held: deque[Block | None] = deque(maxlen=PATIENCE)
        """What waits for the answer to a `stop`; None is a flush."""
        self._open = False
        """Whether a recognition has begun and was not told to stop."""
        self._due: deque[str] = deque()
        """What the answers to come will answer: `start` or `stop`."""
        self._ended = False

    def hello(self) -> Iterable[Message]:
        """Begin the first recognition."""
        yield self._start()

    def audio(self, block: Block) -> Iterable[Message]:
        """Samples as integers; they wait while one recognition ends."""
        self._held.append(block)
        yield from self._release()

    def flush(self) -> Iterable[Message]:
        """End the recognition; the next one begins with the next audio."""
        self._held.append(None)
        yield from self._release()

    def end(self) -> Iterable[Message]:
        """Ask for the last words; an answer comes in any case."""
        self._ended = True
        while self._held:
            yield from self._next()
        if not self._open:
            yield self._start()
        yield self._stop()

    def keep_alive(self) -> Message:
        """Say that we are still there."""
        return '{"action": "no-op"}'

    def heard(self, message: Message) -> Iterable[Heard]:
        """Understand a message."""
        with reading():
            match json.loads(message):
                case {"error": str(problem)}:
                    raise EngineError("engine", problem)
                case {"state": "listening"}:
                    if self._due.popleft() == "stop":
                        self._began.popleft()
                        self.over = self._ended and not self._due
                case {"results": [*results]}:
                    for result in results:
                        yield from self._result(result)

    def rest(self) -> Iterable[Heard]:
        """The answer to the end had it all."""
        return ()

    def _start(self) -> Message:
        self._due.append("start")
        self._began.append(self._sent)
        self._open = True
        return json.dumps(
            {
                "action": "start",
                "content-type": f"audio/l16;rate={RATE};channels=1",
                "interim_results": True,
                "timestamps": True,
                "word_confidence": True,
                "inactivity_timeout": -1,
                "end_of_phrase_silence_time": 0.6,
                "smart_formatting": False,
                "profanity_filter": False,
            }
        )

    def _stop(self) -> Message:
        self._due.append("stop")
        self._open = False
        return '{"action": "stop"}'

    def _release(self) -> Iterator[Message]:
        while self._held and "stop" not in self._due:
            yield from self._next()

    def _next(self) -> Iterator[Message]:
        block = self._held.popleft()
        if block is not None:
            if not self._open:
                yield self._start()
            self._sent += SECONDS
            yield pcm16(block)
        elif self._open:
            yield self._stop()

    def _result(self, result: dict[str, Any]) -> Iterator[Heard]:
        best = result["alternatives"][0]
        words = tuple(_words(best, self._began[0]))
        if not words:
            return
        text, start, end = " ".join(word.text for word in words), words[0].start, words[-1].end
        if self._begun is None:
            self._begun = start
            yield SpeechStarted(start)
        if result["final"]:
            self._begun = None
            yield Final(text, start, end, words, confidence=best.get("confidence"))
        elif self._partials:
            yield Partial(text, start, end, words)


def _words(best: dict[str, Any], began: float) -> Iterator[Word]:
    sure = [confidence for _, confidence in best.get("word_confidence", ())]
    for number, (text, start, end) in enumerate(best["timestamps"]):
        if text != HESITATION:
            confidence = float(sure[number]) if number < len(sure) else None
            yield Word(text, round(began + start, 3), round(began + end, 3), confidence)
