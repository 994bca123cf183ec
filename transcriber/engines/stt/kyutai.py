"""
Kyutai's streaming model on a GPU: our own service, or Kyutai's `moshi-server`.

Both say words as they are spoken, half a second late. Our service also says when a turn is over
and brings the last words at once when asked. `moshi-server` does neither, so here its pause
scores end the utterance, and silence pushes the last words out; that silence is no time of the
speaker and is taken off the times that follow. Servers of older generations that send only words
are understood too: an utterance is then over when no word has come for a while.

A GPU that sleeps takes up to two minutes to wake. Connecting waits as long; what is said until
then is kept by who opened the stream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field, SecretStr
from yarl import URL

from modal_app import protocol
from modal_app.protocol import (
    Audio,
    End,
    Error,
    Finish,
    Flush,
    Flushed,
    Format,
    Marker,
    Ready,
    Segment,
    Step,
    Text,
    WordEnded,
)
from transcriber.audio.block import SECONDS, Block, silence
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
from transcriber.engines.stt.uplink import packer
from transcriber.engines.stt.wire import (
    Address,
    Http,
    Message,
    Online,
    Padding,
    WireStream,
    reading,
)
from transcriber.errors import EngineError

__all__ = ["Kyutai", "KyutaiOptions", "Moshi", "OwnService"]

COLD = 140.0
"""Seconds that a sleeping GPU may take to answer: two minutes, and what the way there takes."""
DELAY = 0.5
"""Seconds between a word and the model's saying it."""
LETTER = 0.06
"""Seconds a letter takes to say, where a word's end is not known yet."""
PAUSE = 1.5
"""Seconds without a word after which an utterance is over, where nobody says so."""
HEAD, OVER = 2, 0.6
"""Which of moshi's pause scores decides, and from which value on."""
ANSWERS = 5.0
"""Seconds within which a flush is answered, and moshi-server tells of its steps if it ever does."""
TAIL = 8
"""Blocks of silence that push the model's delayed words out."""
ANSWER = 62
"""Blocks of silence that bring moshi-server's answer to a marker, which counts steps."""


class KyutaiOptions(BaseModel):
    """Settings of the GPU recogniser."""

    url: str = Field(
        "",
        pattern=r"^(wss?://.+)?$",
        alias="STT_STREAM_URL",
        description="address of the GPU recogniser, wss://.../v1/stream;"
        " empty: made of MODAL_WORKSPACE",
    )
    workspace: str = Field(
        "",
        pattern=r"^[a-z0-9-]*$",
        alias="MODAL_WORKSPACE",
        description="Modal workspace the GPU recogniser runs in",
    )
    suffix: str = Field(
        "kyutai-stt-speech-serve",
        pattern=r"^[a-z0-9-]+$",
        alias="MODAL_STT_HOST_SUFFIX",
        description="what follows the workspace in the name of the GPU recogniser's host",
    )
    key: SecretStr = Field(
        SecretStr(""), alias="MODAL_KEY", description="Modal proxy token that lets us in: its id"
    )
    secret: SecretStr = Field(
        SecretStr(""), alias="MODAL_SECRET", description="Modal proxy token: its secret"
    )
    token: SecretStr = Field(
        SecretStr(""),
        alias="KYUTAI_API_KEY",
        description="key of a GPU service that does not run on Modal",
    )
    speaks: Literal["v1", "moshi"] = Field(
        "v1",
        alias="KYUTAI_PROTOCOL",
        description="v1: our own GPU service; moshi: Kyutai's moshi-server",
    )
    audio: Literal["auto", "f32", "s16", "opus"] = Field(
        "auto",
        alias="KYUTAI_AUDIO",
        description="audio sent to our own GPU service: f32, s16 for half the bandwidth, opus for a"
        " twenty-fifth, or f32 if it does not take them; auto: s16 from the second stream on",
    )


class Kyutai(Online):
    """One connection for each speaker."""

    Options = KyutaiOptions
    info = EngineInfo(
        name="kyutai",
        title="Kyutai STT on a GPU (our service or moshi-server)",
        languages=("en", "fr"),
        models=("stt-1b-en_fr", "stt-2.6b-en"),
        word_times="exact",
        turns=True,
        licence="CC-BY 4.0 (model by Kyutai)",
    )

    def __init__(self, options: KyutaiOptions) -> None:
        self._options = options
        self._offered: tuple[str, ...] | None = None
        """Forms of audio that the service takes; None until it has said so."""
        self.http = Http()

    def unusable(self) -> str:
        """Say what is missing."""
        if self._options.url or self._options.workspace:
            return ""
        return "no address: set STT_STREAM_URL or MODAL_WORKSPACE"

    async def wake(self, options: StreamOptions) -> None:
        """Let the GPU start, if it sleeps, while nobody speaks yet."""
        await self.http.knock(self._address())

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[WireStream]:
        """Start listening to one speaker; may take as long as the GPU takes to wake."""
        if self._options.speaks == "moshi":
            async with self.http.talk(self._address(), Moshi(options)) as stream:
                yield stream
            return
        form = await self._agreed(options)
        ours = OwnService(options, form)
        async with AsyncExitStack() as stack:
            try:
                stream = await stack.enter_async_context(self.http.talk(self._address(form), ours))
            except EngineError:
                self._offered = None
                raise
            self._offered = ours.offered
            yield stream

    @property
    def figures(self) -> Address:
        """Where our own service says how it is; an empty address if there is none."""
        if self.unusable() or self._options.speaks == "moshi":
            return Address("")
        stream = self._address()
        url = URL(stream.url).with_scheme("https" if stream.url.startswith("wss") else "http")
        return Address(str(url.parent.parent / "metrics"), headers=stream.headers)

    async def _agreed(self, options: StreamOptions) -> Format:
        """The form of audio that is wanted, if the service takes it; asked when that matters."""
        wanted = self._options.audio
        if wanted == "auto":
            wanted = "s16"
        elif wanted != "f32" and self._offered is None:
            asking = OwnService(options)
            async with self.http.talk(self._address(), asking):
                self._offered = asking.offered
        return wanted if wanted in (self._offered or ()) else "f32"

    def _address(self, form: Format = "f32") -> Address:
        ours = self._options
        path = "api/asr-streaming" if ours.speaks == "moshi" else "v1/stream"
        url = ours.url or f"wss://{ours.workspace}--{ours.suffix}.modal.run/{path}"
        secrets = {"Modal-Key": ours.key, "Modal-Secret": ours.secret, "kyutai-api-key": ours.token}
        headers = {name: value.get_secret_value() for name, value in secrets.items()}
        if headers["kyutai-api-key"]:
            headers["Authorization"] = f"Bearer {headers['kyutai-api-key']}"
        params = {"format": form} if form != "f32" else {}
        sent = {name: value for name, value in headers.items() if value}
        return Address(url, params, sent, opening=COLD)


class Utterance:
    """Words as they come, and what is to be told of them."""

    def __init__(self, options: StreamOptions) -> None:
        self._partials = options.partials
        self.words: list[Word] = []
        self._said = 0.0

    def begin(self, at: float) -> Iterator[Heard]:
        """Somebody speaks, if that is news."""
        if not self.words:
            yield SpeechStarted(max(at, self._said))

    def add(self, text: str, start: float, end: float) -> Iterator[Heard]:
        """A word, or several at once."""
        yield from self.begin(start)
        start = max(start, self._said)
        end = end if end > start else start + LETTER * len(text)
        if self.words and self.words[-1].end > start:
            self.words[-1] = _until(self.words[-1], start)
        words = spread(text, start, end) if " " in text.strip() else (Word(text, start, end),)
        self.words += words
        self._said = start
        if self._partials:
            yield Partial(self.text, self.words[0].start, self.words[-1].end, tuple(self.words))

    def ended(self, at: float) -> None:
        """The last word was over then."""
        if self.words and at > self.words[-1].start:
            self.words[-1] = _until(self.words[-1], at)

    def final(self, text: str = "") -> Iterator[Heard]:
        """The utterance is over; `text` is how the server puts it, if it does."""
        if self.words:
            words, self.words = tuple(self.words), []
            self._said = words[-1].end
            said = text or " ".join(word.text for word in words)
            yield Final(said, words[0].start, words[-1].end, words)

    @property
    def text(self) -> str:
        """The words so far."""
        return " ".join(word.text for word in self.words)


def _until(word: Word, end: float) -> Word:
    return Word(word.text, word.start, round(end, 3), estimated=word.estimated)


class OwnService:
    """`/v1/stream`, of our GPU service and of older ones."""

    greets = True
    answers: float | None = None
    idle: float | None = None

    def __init__(self, options: StreamOptions, form: Format = "f32") -> None:
        self.over = False
        self.offered: tuple[str, ...] = ()
        """Formats that the service understands, once it has said hello."""
        self._packed = packer(form)
        self._utterance = Utterance(options)
        self._sent = 0.0
        self._last = 0.0

    def hello(self) -> Iterable[Message]:
        """Nothing: the address says it all."""
        return ()

    def audio(self, block: Block) -> Iterable[Message]:
        """Samples in the form that was agreed."""
        self._sent += SECONDS
        self.answers = None
        yield from self._packed(block)

    def flush(self) -> Iterable[Message]:
        """Ask for the words so far; older servers do not know what that is."""
        if self.offered:
            self.answers = ANSWERS
        yield protocol.encode_command(Flush())

    def end(self) -> Iterable[Message]:
        """Ask for the last words."""
        yield protocol.encode_command(Finish())

    def keep_alive(self) -> Message:
        """Never sent: without audio the service frees the slot, and that is right."""
        raise NotImplementedError

    def heard(self, message: Message) -> Iterable[Heard]:
        """Understand a message."""
        said = self._utterance
        with reading():
            match protocol.decode(_text(message)):
                case Ready(_, formats):
                    self.offered = formats
                case protocol.SpeechStarted(time):
                    yield from said.begin(time)
                case protocol.Word(text, start, end):
                    yield from said.add(text, start, end)
                case Segment(text, _, _, time):
                    yield from said.final(text)
                    yield TurnEnded(time)
                case Flushed():
                    yield from said.final()
                case End(reason):
                    yield from said.final()
                    self._end(reason)
                case Error(problem, wait):
                    raise EngineError(
                        "busy" if wait is not None else "engine", problem, retry_after=wait
                    )
                case Text(text, final, pause):
                    yield from self._older(text.strip(), final=final or pause)

    def rest(self) -> Iterable[Heard]:
        """Older servers close without a last word."""
        return self._utterance.final()

    def _older(self, text: str, *, final: bool) -> Iterator[Heard]:
        """A word without a time was said about now; a text that is final repeats the words."""
        now = max(0.0, self._sent - DELAY)
        if self._utterance.words and now - self._last > PAUSE:
            yield from self._utterance.final()
        if text and not (final and self._utterance.words):
            self._last = now
            yield from self._utterance.add(text, now, now)
        if final:
            yield from self._utterance.final(text)

    def _end(self, reason: str) -> None:
        self.over = True
        if reason not in ("ended", "idle", "session too long"):
            raise EngineError("busy" if reason == "shutdown" else "engine", reason)


class Moshi:
    """`/api/asr-streaming` of Kyutai's `moshi-server`."""

    greets = True
    idle: float | None = 60.0

    def __init__(self, options: StreamOptions) -> None:
        self.over = False
        self.answers: float | None = None
        self._utterance = Utterance(options)
        self._clock = Padding()
        self._markers = 0
        self._last = -1

    def hello(self) -> Iterable[Message]:
        """Nothing: the server takes the connection itself for it."""
        return ()

    def audio(self, block: Block) -> Iterable[Message]:
        """A list of floats."""
        self._clock.passed(SECONDS)
        yield protocol.pack_audio(np.asarray(block))

    def flush(self) -> Iterable[Message]:
        """Push the words out with silence, and ask when it has been heard."""
        self._markers += 1
        self._clock.inserted((TAIL + ANSWER) * SECONDS)
        quiet = protocol.pack_request(Audio(silence()))
        yield from [quiet] * TAIL
        yield protocol.pack_request(Marker(self._markers))
        yield from [quiet] * ANSWER

    def end(self) -> Iterable[Message]:
        """The same for the last time."""
        yield from self.flush()
        self._last = self._markers

    def keep_alive(self) -> Message:
        """A list of no samples: the server ends connections that are silent for long."""
        return protocol.pack_request(Audio(silence()[:0]))

    def heard(self, message: Message) -> Iterable[Heard]:
        """Understand a message."""
        said = self._utterance
        with reading():
            match protocol.decode_moshi(_bytes(message)):
                case protocol.Word(text, start):
                    yield from self._word(text, self._clock.ours(start))
                case WordEnded(end):
                    said.ended(self._clock.ours(end))
                case Step(index, scores, _):
                    self.answers = ANSWERS
                    if said.words and _is_pause(scores):
                        yield from said.final()
                        yield TurnEnded(self._clock.ours(max(0.0, index * SECONDS - DELAY)))
                case Flushed(marker):
                    yield from said.final()
                    self.over = marker == self._last
                case Error(problem):
                    full = "no free" in problem
                    raise EngineError("busy" if full else "engine", problem)

    def rest(self) -> Iterable[Heard]:
        """The marker brought it."""
        return self._utterance.final()

    def _word(self, text: str, start: float) -> Iterator[Heard]:
        """Models without pause scores leave it to us to see that there was a pause."""
        said = self._utterance
        if said.words and start - said.words[-1].end > PAUSE:
            yield from said.final()
        yield from said.add(text, start, 0.0)


def _is_pause(scores: tuple[float, ...]) -> bool:
    return len(scores) > HEAD and scores[HEAD] > OVER


def _text(message: Message) -> str:
    return message if isinstance(message, str) else message.decode()


def _bytes(message: Message) -> bytes:
    return message if isinstance(message, bytes) else message.encode()
