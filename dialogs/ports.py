"""
What a host must offer, and nothing more: the dialog library does no IO of its own.

Every port raises `PortFailed` (or its kind named below) when the world outside fails; anything else
it raises is a mistake in the host and ends the conversation. The library sets deadlines itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

__all__ = [
    "Hooks",
    "Line",
    "Listening",
    "Llm",
    "Observe",
    "Piece",
    "Playback",
    "Ports",
    "Prompt",
    "Request",
    "Response",
    "Sessions",
    "Sound",
    "Style",
    "Text",
    "ToolCall",
    "Usage",
    "Voice",
]

Observe = Callable[[str, Mapping[str, object]], None]
"""Told what happens, by public event name and data; returns at once and does not raise."""


@dataclass(frozen=True, slots=True)
class Style:
    """How to say something; empty means as usual."""

    voice: str = ""
    engine: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound to play: a file beside the flow's own file, or an address."""

    file: str = ""
    url: str = ""
    flow: str = ""
    """The flow's file, whose folder `file` must not leave."""


class Playback(Protocol):
    """Something that is being said or played."""

    async def finished(self) -> None:
        """Wait until it was heard to the end or stopped; raises `VoiceFailed`."""

    def stop(self) -> str:
        """Be silent at once, and say which part of the text was heard. May be called again."""


class Voice(Protocol):
    """Our mouth. What it is given follows one another; it never plays two things at once."""

    def expect(self, text: str, style: Style) -> None:
        """Make ready what takes time: this will be said next, unless something comes between."""

    def say(self, text: str, style: Style) -> Playback:
        """Begin to speak; returns at once."""

    def play(self, sound: Sound) -> Playback:
        """Begin to play a sound; returns at once."""


@dataclass(frozen=True, slots=True)
class Listening:
    """How to listen; empty means as usual."""

    language: str = ""
    engine: str = ""
    hints: tuple[str, ...] = ()
    partials: bool = False
    end_of_turn: str = "auto"
    """`auto`, `silence` or `meaning`: what tells that somebody has finished."""


class Line(Protocol):
    """Our place in the call."""

    def listen(self, wish: Listening) -> None:
        """Listen this way from now on; returns at once."""

    async def caption(self, text: str) -> None:
        """Show a line in the call."""

    async def transfer(self, to: str) -> None:
        """Hand the call to somebody else; returns when it is done."""

    async def hang_up(self, reason: str) -> None:
        """End the call."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; `limit` is how many bytes of an answer are read."""

    url: str
    body: bytes = b""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    limit: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """What came back, whatever its status."""

    status: int
    body: bytes = b""


class Hooks(Protocol):
    """The web, guarded: no private addresses, no redirects, no more than `limit` bytes."""

    async def send(self, request: Request) -> Response:
        """Ask; raises `HookFailed` when the address is refused or nothing came back."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a language model is asked; messages and tools as OpenAI's chat API has them."""

    messages: Sequence[Mapping[str, object]]
    tools: Sequence[Mapping[str, object]] = ()
    model: str = ""
    temperature: float = 0.4


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool; `arguments` is JSON, as it wrote it, and complete."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took; `cost` if it is known."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


Piece = Text | ToolCall | Usage


class Llm(Protocol):
    """A language model that answers in pieces."""

    def chat(self, prompt: Prompt) -> AsyncIterator[Piece]:
        """Answer; raises `ModelFailed`. Closing the iterator stops the model."""


class Sessions(Protocol):
    """Where conversations are kept, so that a restart does not end them."""

    async def save(self, session_id: str, snapshot: Mapping[str, object]) -> None:
        """Keep a snapshot (JSON) in place of the last one; raises `PortFailed`."""

    async def forget(self, session_id: str) -> None:
        """The conversation is over; raises `PortFailed`."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All of them for one conversation; without a model there are no agents."""

    voice: Voice
    line: Line
    hooks: Hooks
    llm: Llm | None = None
    sessions: Sessions | None = None
    observe: Observe = lambda name, data: None
