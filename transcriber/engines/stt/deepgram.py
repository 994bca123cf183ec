"""
Deepgram's live recognition: the Nova models (`/v1/listen`), and Flux (`/v2/listen`).

Nova makes parts of a sentence final while it goes on; each is an utterance of its own here, so
that what is settled is known at once. Flux thinks in turns: it says by meaning, not by silence,
when somebody has finished. Which of the two it is follows from the model's name.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from transcriber.audio.block import RATE, Block
from transcriber.audio.wav import pcm16
from transcriber.engines.segments import spread
from transcriber.engines.stt.base import (
    EngineInfo,
    Final,
    Heard,
    Partial,
    SpeechStarted,
    StreamOptions,
    TurnEnded,
    Word,
)
from transcriber.engines.stt.wire import (
    Address,
    Dialect,
    Http,
    Message,
    Online,
    WireStream,
    reading,
)
from transcriber.errors import EngineError

__all__ = ["Deepgram", "DeepgramOptions", "Flux", "Nova"]

HOST = "wss://api.deepgram.com"
IDLE = 8.0
"""Seconds without audio after which Deepgram wants a sign of life; it hangs up after ten."""
ANSWER = 5.0
"""Seconds within which Flux tells of the audio it hears; it does so four times a second."""
LANGUAGES = (
    *("bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "hi", "hu", "id", "it"),
    *("ja", "ko", "lt", "lv", "ms", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sv", "th", "tr"),
    *("uk", "vi", "zh"),
)
"""Of the Nova models."""


class DeepgramOptions(BaseModel):
    """Settings of Deepgram."""

    key: SecretStr = Field(SecretStr(""), alias="DEEPGRAM_API_KEY", description="key of Deepgram")
    url: str = Field(
        HOST,
        pattern=r"^(ws|http)s?://.+$",
        alias="DEEPGRAM_BASE_URL",
        description="where Deepgram is, without the path",
    )
    model: str = Field(
        "nova-3",
        pattern=r"^[a-z0-9-]+$",
        alias="DEEPGRAM_MODEL",
        description="model of Deepgram: nova-3, nova-2, flux-general-en, ...",
    )


class Deepgram(Online):
    """One connection for each speaker."""

    Options = DeepgramOptions
    info = EngineInfo(
        name="deepgram",
        title="Deepgram (Nova and Flux)",
        languages=LANGUAGES,
        models=("nova-3", "nova-2", "nova-2-meeting", "flux-general-en", "flux-general-multi"),
        word_times="exact",
        confidence=True,
        vocabulary=True,
        licence="commercial service",
    )

    def __init__(self, options: DeepgramOptions) -> None:
        self._options = options
        self.http = Http()
        if _is_flux(options.model):
            english = options.model.endswith("-en")
            languages = ("en",) if english else ("de", "en", "es", "fr", "it", "ja", "pt", "nl")
            self.info = replace(self.info, turns=True, languages=languages)

    def unusable(self) -> str:
        """Say what is missing."""
        if self._options.key.get_secret_value() or self._options.url != HOST:
            return ""
        return "no key: set DEEPGRAM_API_KEY"

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[WireStream]:
        """Start listening to one speaker."""
        model = options.model or self._options.model
        dialect: Dialect = Flux(options) if _is_flux(model) else Nova(options)
        async with self.http.talk(self._address(options, model), dialect) as stream:
            yield stream

    def _address(self, options: StreamOptions, model: str) -> Address:
        asked = {"model": model, "encoding": "linear16", "sample_rate": str(RATE)}
        flux = _is_flux(model)
        if not flux:
            asked |= {
                "language": options.language,
                "interim_results": "true",
                "smart_format": "true",
                "vad_events": "true",
                "endpointing": "300",
                "utterance_end_ms": "1000",
            }
        elif not model.endswith("-en"):
            asked["language_hint"] = options.language
        hint = "keywords" if model.startswith(("nova-2", "enhanced", "base")) else "keyterm"
        terms = [(hint, term) for term in options.vocabulary]
        url = f"{self._options.url.rstrip('/')}/{'v2' if flux else 'v1'}/listen"
        key = self._options.key.get_secret_value()
        headers = {"Authorization": f"Token {key}"} if key else {}
        return Address(url, [*asked.items(), *terms], headers)


def _is_flux(model: str) -> bool:
    return model.startswith("flux")


class Nova:
    """`/v1/listen`."""

    greets = False
    answers: float | None = None
    idle: float | None = IDLE

    def __init__(self, options: StreamOptions) -> None:
        self.over = False
        self._partials = options.partials
        self._speaking = False

    def hello(self) -> Iterable[Message]:
        """Nothing: the address says it all."""
        return ()

    def audio(self, block: Block) -> Iterable[Message]:
        """Samples as integers."""
        yield pcm16(block)

    def flush(self) -> Iterable[Message]:
        """Ask for the words so far."""
        yield '{"type": "Finalize"}'

    def end(self) -> Iterable[Message]:
        """Ask for the last words."""
        yield '{"type": "CloseStream"}'

    def keep_alive(self) -> Message:
        """A sign of life."""
        return '{"type": "KeepAlive"}'

    def heard(self, message: Message) -> Iterable[Heard]:
        """Understand a message."""
        with reading():
            match json.loads(message):
                case {"type": "Results"} as results:
                    yield from self._results(results)
                case {"type": "SpeechStarted", "timestamp": at}:
                    yield from self._started(float(at))
                case {"type": "Metadata"}:
                    self.over = True
                case {"type": "Error"} as error:
                    raise EngineError("engine", str(error.get("description", "Deepgram failed")))
                case {"type": str()}:
                    pass
                case other:
                    raise TypeError(other)

    def rest(self) -> Iterable[Heard]:
        """Nothing: it says all before it closes."""
        return ()

    def _results(self, results: dict[str, Any]) -> Iterator[Heard]:
        best = results["channel"]["alternatives"][0]
        if not (text := best["transcript"]):
            return
        words = tuple(_word(word) for word in best["words"])
        start = words[0].start if words else float(results["start"])
        end = words[-1].end if words else start + float(results["duration"])
        yield from self._started(start)
        if results["is_final"]:
            self._speaking = False
            language = (best.get("languages") or [""])[0]
            yield Final(text, start, end, words, language, best.get("confidence"))
        elif self._partials:
            yield Partial(text, start, end, words)

    def _started(self, at: float) -> Iterator[Heard]:
        if not self._speaking:
            self._speaking = True
            yield SpeechStarted(at)


class Flux:
    """`/v2/listen`."""

    greets = True
    answers: float | None = ANSWER
    idle: float | None = None

    def __init__(self, options: StreamOptions) -> None:
        self.over = False
        self._partials = options.partials
        self._speaking = False
        self._last: Partial | None = None

    def hello(self) -> Iterable[Message]:
        """Nothing: the address says it all."""
        return ()

    def audio(self, block: Block) -> Iterable[Message]:
        """Samples as integers."""
        yield pcm16(block)

    def flush(self) -> Iterable[Message]:
        """End the turn."""
        yield '{"type": "ForceEndTurn"}'

    def end(self) -> Iterable[Message]:
        """End the turn and everything."""
        yield from self.flush()
        yield '{"type": "CloseStream"}'

    def keep_alive(self) -> Message:
        """Never sent: Flux knows no such message and waits for us."""
        raise NotImplementedError

    def heard(self, message: Message) -> Iterable[Heard]:
        """Understand a message."""
        with reading():
            match json.loads(message):
                case {"type": "TurnInfo"} as turn:
                    yield from self._turn(turn)
                case {"type": "Error" | "FatalError"} as error:
                    raise EngineError("engine", str(error.get("description", "Deepgram failed")))
                case {"type": str()}:
                    pass
                case other:
                    raise TypeError(other)

    def rest(self) -> Iterable[Heard]:
        """A turn that was still open when we closed."""
        if last := self._last:
            yield Final(last.text, last.start, last.end, last.words)

    def _turn(self, turn: dict[str, Any]) -> Iterator[Heard]:
        if not (text := turn["transcript"]):
            return
        start, end = float(turn["audio_window_start"]), float(turn["audio_window_end"])
        words = _flux_words(turn, text, start, end)
        start, end = words[0].start, words[-1].end
        if not self._speaking:
            self._speaking = True
            yield SpeechStarted(start)
        if turn["event"] == "EndOfTurn":
            self._speaking, self._last = False, None
            sure = float(turn.get("end_of_turn_confidence", 1.0))
            yield Final(text, start, end, words, (turn.get("languages") or [""])[0])
            yield TurnEnded(float(turn["audio_window_end"]), sure)
            return
        self._last = Partial(text, start, end, words)
        if self._partials:
            yield self._last


def _flux_words(turn: dict[str, Any], text: str, start: float, end: float) -> tuple[Word, ...]:
    """Flux's older answers give words without times."""
    words = turn["words"]
    if words and "start" in words[0]:
        return tuple(_word(word) for word in words)
    return spread(text, start, end)


def _word(word: dict[str, Any]) -> Word:
    text = word.get("punctuated_word") or word["word"]
    return Word(text, float(word["start"]), float(word["end"]), word.get("confidence"))
