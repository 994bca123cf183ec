"""
OpenAI's recognition and everything that is compatible with it: Groq, LocalAI, vLLM, speaches.

Two ways. By requests: Silero finds the utterances here and each is sent as a file, which every
compatible server understands; there are no partials. By the realtime interface: audio is streamed,
the server finds the utterances and words come while they are said.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import aiohttp
from pydantic import Field

from transcriber.audio import wav
from transcriber.audio.block import RATE as CALL_RATE
from transcriber.audio.block import SECONDS, Block
from transcriber.engines.openai import Account, problem, refused
from transcriber.engines.segments import RATE, Rules, Said, Work, spread
from transcriber.engines.stt.base import (
    EngineInfo,
    Final,
    Heard,
    Partial,
    SpeechStarted,
    StreamOptions,
    SttStream,
)
from transcriber.engines.stt.utterances import Recognise, UtteranceStream
from transcriber.engines.stt.wire import (
    Address,
    Http,
    Message,
    Online,
    explained,
    reading,
)
from transcriber.engines.vad import Silero
from transcriber.errors import EngineError

__all__ = ["OpenAi", "OpenAiOptions", "Realtime"]

ANSWER = 30.0
"""Seconds for the words of one utterance, which lasts twelve seconds at most."""
SILENT = 10.0
"""Seconds without any event from the realtime interface while the words of an utterance are due."""
LAST = "last"
"""Our name for the commit after which nothing is sent: its refusal says that all was heard."""


class OpenAiOptions(Account):
    """How speech is recognised there."""

    model: str = Field(
        "gpt-4o-mini-transcribe",
        pattern=r"^\S+$",
        alias="OPENAI_STT_MODEL",
        description="model that recognises speech: whisper-1, gpt-4o-transcribe, ...",
    )
    way: Literal["rest", "realtime"] = Field(
        "rest",
        alias="OPENAI_STT_MODE",
        description="rest: a request for each utterance; realtime: streaming, with partial results",
    )


class OpenAi(Online):
    """Requests or connections, as the options say."""

    Options = OpenAiOptions
    info = EngineInfo(
        name="openai",
        title="OpenAI and compatible services (Groq, LocalAI, vLLM, speaches)",
        languages=("*",),
        models=("gpt-4o-mini-transcribe", "gpt-4o-transcribe", "whisper-1"),
        streaming=False,
        partials=False,
        word_times="estimated",
        vocabulary=True,
        licence="commercial service",
        sample_rate=RATE,
    )

    def __init__(self, options: OpenAiOptions) -> None:
        self._options = options
        self.http = Http()
        self._silero: Silero | None = None
        if options.way == "realtime":
            self.info = replace(
                self.info, streaming=True, partials=True, prompt=False, sample_rate=CALL_RATE
            )

    def unusable(self) -> str:
        """Say what is missing."""
        if self._options.lacking:
            return self._options.lacking
        try:
            self._load()
        except EngineError as missing:
            return str(missing)
        return ""

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[SttStream]:
        """Start listening to one speaker; by requests, nothing is sent before the first words."""
        if self._options.way == "realtime":
            dialect = Realtime(options, self._model(options))
            async with self.http.talk(self._address(), dialect) as stream:
                yield stream
        elif silero := self._load():
            rules = Rules(partial=0.0)
            segments = UtteranceStream(silero.voice(), self._recogniser(options), rules)
            try:
                yield segments
            finally:
                segments.close()

    def _model(self, options: StreamOptions) -> str:
        return options.model or self._options.model

    def _load(self) -> Silero | None:
        """The voice detector, where utterances are found here; raises when it is missing."""
        if self._silero is None and self._options.way == "rest":
            self._silero = Silero()
        return self._silero

    def _address(self) -> Address:
        url = self._options.at("realtime").replace("http", "ws", 1)
        return Address(url, {"intent": "transcription"}, self._options.headers)

    def _recogniser(self, options: StreamOptions) -> Recognise:
        url = self._options.at("audio/transcriptions")
        fields = {
            "model": self._model(options),
            "language": _language(options),
            "response_format": "json",
            "prompt": ", ".join(options.vocabulary),
        }

        async def recognise(work: Work) -> Said:
            form = aiohttp.FormData({name: value for name, value in fields.items() if value})
            file = wav.encode(work.audio, RATE)
            form.add_field("file", file, filename="speech.wav", content_type="audio/wav")
            with explained(url):
                async with (
                    asyncio.timeout(ANSWER),
                    self.http.session.post(url, data=form, headers=self._options.headers) as answer,
                ):
                    return Said(_text(answer.status, answer.headers, await answer.read()))

        return recognise


class Item:
    """One utterance on the server's side."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.end: float | None = None
        self.text = ""
        self.done = False


@dataclass(frozen=True, slots=True)
class Session:
    """What the server is asked for."""

    model: str
    language: str
    prompt: str

    def __str__(self) -> str:
        wanted = {"model": self.model, "language": self.language, "prompt": self.prompt}
        audio = {
            "format": {"type": "audio/pcm", "rate": CALL_RATE},
            "transcription": {name: value for name, value in wanted.items() if value},
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 500,
            },
        }
        session = {"type": "transcription", "audio": {"input": audio}}
        return json.dumps({"type": "session.update", "session": session})


class Realtime:
    """A transcription session of the realtime interface."""

    greets = True
    answers: float | None = None
    idle: float | None = None

    def __init__(self, options: StreamOptions, model: str) -> None:
        self._partials = options.partials
        self._session = Session(model, _language(options), ", ".join(options.vocabulary))
        self._items: dict[str, Item] = {}
        self._sent = 0.0
        self._settled = self._expired = False

    @property
    def over(self) -> bool:
        """Whether all that was sent has been answered."""
        return self._expired or (self._settled and not self._items)

    def hello(self) -> Iterable[Message]:
        """Say what is wanted."""
        yield str(self._session)

    def audio(self, block: Block) -> Iterable[Message]:
        """Samples as integers, as text."""
        self._sent += SECONDS
        self.answers = None
        data = base64.b64encode(wav.pcm16(block)).decode()
        yield f'{{"type":"input_audio_buffer.append","audio":"{data}"}}'

    def flush(self) -> Iterable[Message]:
        """End the utterance; when there is none, the server complains, which is no trouble."""
        if self._items:
            self.answers = SILENT
        yield '{"type":"input_audio_buffer.commit"}'

    def end(self) -> Iterable[Message]:
        """The same for the last time; the second commit has nothing in it, and so is refused."""
        yield from self.flush()
        yield f'{{"type":"input_audio_buffer.commit","event_id":"{LAST}"}}'

    def keep_alive(self) -> Message:
        """Never sent: the server waits for us."""
        raise NotImplementedError

    def rest(self) -> Iterable[Heard]:
        """Nothing: it says all before we close."""
        return ()

    def heard(self, message: Message) -> Iterable[Heard]:
        """Understand an event."""
        with reading():
            event = json.loads(message)
            match event["type"].removeprefix("conversation.item.input_audio_transcription."):
                case "input_audio_buffer.speech_started":
                    at = event["audio_start_ms"] / 1000
                    self._items[event["item_id"]] = Item(at)
                    yield SpeechStarted(at)
                case "input_audio_buffer.speech_stopped":
                    self._item(event).end = event["audio_end_ms"] / 1000
                case "input_audio_buffer.committed":
                    self._item(event)
                case "delta":
                    yield from self._delta(event)
                case "completed":
                    self._item(event).text = event["transcript"]
                    self._item(event).done = True
                    yield from self._finals()
                case "failed" | "error":
                    self._failed(event["error"])

    def _item(self, event: dict[str, Any]) -> Item:
        """Find an utterance; one that was ended before it was announced starts about now."""
        return self._items.setdefault(event["item_id"], Item(max(0.0, self._sent - SECONDS)))

    def _delta(self, event: dict[str, Any]) -> Iterator[Heard]:
        item = self._item(event)
        item.text += event["delta"]
        if self._partials and item.text.strip() and item is next(iter(self._items.values())):
            end = item.end or max(self._sent, item.start)
            yield Partial(item.text.strip(), item.start, end, spread(item.text, item.start, end))

    def _finals(self) -> Iterator[Heard]:
        """Utterances may be recognised out of order; they are told in order."""
        while self._items and (item := next(iter(self._items.values()))).done:
            del self._items[next(iter(self._items))]
            if text := item.text.strip():
                end = item.end or max(self._sent, item.start)
                words = spread(text, item.start, end)
                yield Final(text, item.start, end, words)

    def _failed(self, error: dict[str, Any]) -> None:
        match error.get("code"):
            case "input_audio_buffer_commit_empty":
                self._settled = error.get("event_id") == LAST
            case "session_expired":
                self._expired = True
            case _:
                raise problem(error, "engine")


def _language(options: StreamOptions) -> str:
    return options.language.partition("-")[0]


def _text(status: int, headers: Any, body: bytes) -> str:
    if status != 200:
        raise refused(status, headers, body)
    with reading():
        text: str = json.loads(body)["text"].strip()
        return text
