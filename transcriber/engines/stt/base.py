"""
What every speech recogniser offers.

A recogniser is chosen by name, made from its `Options`, and entered once for the process: that
is when models are loaded or connections prepared. Each speaker then opens a stream of their own.

* Times are seconds of the stream's own audio: 0.0 is the first sample pushed.
* `push` never waits: a live call cannot be paused. When the engine falls behind, the stream
  forgets its oldest audio and counts it in `dropped`. A source that can be paused (a file)
  awaits `ready` before it pushes.
* Each utterance is any number of `Partial`s, then one `Final`. A partial replaces the one before
  it; the words of a final are never said again.
* An engine makes no second try. When it fails, iteration raises `EngineError`; whoever opened
  the stream decides, the same way for every engine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

from transcriber.audio.block import Block

__all__ = [
    "EngineInfo",
    "Final",
    "Heard",
    "Interrupted",
    "Partial",
    "Progress",
    "SpeechStarted",
    "StreamOptions",
    "Stt",
    "SttStream",
    "TurnEnded",
    "Word",
]

Progress = Callable[[str, float], None]
"""Told what is being prepared and how far it is, from 0.0 to 1.0."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine can do, for people who choose and for code that fills the gaps."""

    name: str
    title: str
    languages: tuple[str, ...]
    """Codes of two letters; `*` when it hears any."""
    models: tuple[str, ...] = ()
    streaming: bool = True
    partials: bool = True
    prompt: bool = True
    """Whether partials come while somebody speaks, and not only behind the utterance."""
    word_times: Literal["none", "estimated", "exact"] = "none"
    punctuation: bool = True
    confidence: bool = False
    vocabulary: bool = False
    turns: bool = False
    """Whether it says when somebody has finished, by meaning and not by silence."""
    network: bool = True
    licence: str = ""
    sample_rate: int = 24_000
    """Of the audio that it is given; what is above half of it is lost."""

    @property
    def abilities(self) -> tuple[str, ...]:
        """What it can do, in words."""
        flags = {
            "streaming": self.streaming,
            "partials": self.partials,
            f"{self.word_times} word times": self.word_times != "none",
            "punctuation": self.punctuation,
            "confidence": self.confidence,
            "vocabulary": self.vocabulary,
            "turns": self.turns,
            "offline": not self.network,
            f"{self.sample_rate // 1000} kHz": True,
        }
        return tuple(ability for ability, has in flags.items() if has)


@dataclass(frozen=True, slots=True)
class Word:
    """One word and when it was said; `estimated` when the engine gave no times."""

    text: str
    start: float
    end: float
    confidence: float | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak; words follow. Comes before the first words of every utterance."""

    at: float


@dataclass(frozen=True, slots=True)
class Partial:
    """The words so far of an utterance that goes on; `bare` as in `Final`."""

    text: str
    start: float = 0.0
    end: float = 0.0
    words: tuple[Word, ...] = ()
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Final:
    """An utterance that is over."""

    text: str
    start: float = 0.0
    end: float = 0.0
    words: tuple[Word, ...] = ()
    language: str = ""
    confidence: float | None = None
    bare: bool = False
    """Without capitals and full stops, although the recogniser's `info` promises them."""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """Somebody seems to have finished; `probability` as the engine sees it."""

    at: float
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The engine failed and is being started again: words come late. No engine says this itself."""

    at: float
    code: str
    """The code of the error."""
    problem: str
    retry_in: float


Heard = SpeechStarted | Partial | Final | TurnEnded | Interrupted


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What one speaker's stream shall be like; who has no choice ignores `engine` and `model`."""

    language: str = "en"
    partials: bool = True
    vocabulary: tuple[str, ...] = ()
    engine: str = ""
    """Who shall listen, as a policy says it; empty: who usually does."""
    model: str = ""
    """A model of that engine; empty: the one in its settings."""


class SttStream(Protocol):
    """One speaker's audio going out, words coming back."""

    @property
    def dropped(self) -> int:
        """Blocks forgotten because the engine could not keep up."""

    def push(self, block: Block) -> None:
        """Send audio; never waits and never raises, also when the stream is closed."""

    async def ready(self) -> None:
        """Wait until a block can be pushed without dropping another; returns when closed."""

    def flush(self) -> None:
        """End the utterance now: its final comes without waiting for silence."""

    def close(self) -> None:
        """No more audio: iteration ends after the last words. May be called again."""

    def __aiter__(self) -> AsyncIterator[Heard]: ...


class Stt(Protocol):
    """A recogniser that can listen to many speakers at once; `async with` loads and frees it."""

    info: EngineInfo
    Options: Any
    """A pydantic model of its settings; a field's alias is the setting's name."""

    def __init__(self, options: Any) -> None: ...

    def unusable(self) -> str:
        """Say why it cannot work here and what to do about it; empty when it can."""

    async def prepare(self, progress: Progress) -> None:
        """Load or fetch what takes time. Entering does the same, without telling anybody."""

    async def wake(self, options: StreamOptions) -> None:
        """A call begins that may be heard soon: wake what sleeps; raises `EngineError`."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *failure: object) -> None: ...

    def open(self, options: StreamOptions) -> AbstractAsyncContextManager[SttStream]:
        """Start listening to one speaker."""
