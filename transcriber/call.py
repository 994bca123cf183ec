"""
What a connector and a session promise each other.

A connector (Talk, the built-in rooms, a file, later telephones and the gateway) offers a
`Call`; a session listens to it as a `Listener`. Neither knows more of the other than this page.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from transcriber.audio.block import Block, Samples

__all__ = ["US", "Call", "Caption", "Listener", "Person", "Transferable"]

US = ""
"""The person id under which we show lines of our own."""


@dataclass(frozen=True, slots=True)
class Person:
    """
    Somebody in a call, as the connector names them; `language` if it is known.

    `account` is who they are outside of the call, if that is known: `users/ann`, `guests/...`.
    """

    id: str
    name: str = ""
    language: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Caption:
    """A line to show under a speaker's picture; times as in the event it shows."""

    person_id: str
    text: str
    language: str
    final: bool
    start_ms: int = 0
    end_ms: int = 0
    event_id: str = ""
    """Of a final one: the event it shows."""


class Listener(Protocol):
    """Learns what happens in a call. Its methods return at once, but for `ready`."""

    def joined(self, person: Person) -> None:
        """Somebody can be heard from now on."""

    def left(self, person_id: str) -> None:
        """Somebody cannot be heard any more."""

    def heard(self, person_id: str, block: Block) -> None:
        """Somebody made 80 ms of sound."""

    def pressed(self, person_id: str, digit: str) -> None:
        """Somebody pressed a key of their telephone."""

    async def ready(self) -> None:
        """Wait until more can be heard without losing any; only for sources that can be paused."""


@runtime_checkable
class Transferable(Protocol):
    """A call that can be handed to somebody else, as telephone calls can."""

    async def transfer(self, to: str) -> None:
        """Hand it over; returns when the other side has it, raises a `TranscriberError`."""


class Call(Protocol):
    """Our place in one call."""

    room: str

    async def run(self, listener: Listener) -> None:
        """Stay in the call until it ends, reconnecting as needed."""

    async def show(self, caption: Caption, readers: Collection[str]) -> None:
        """Display a caption to the people who asked for it."""

    def play(self, samples: Samples) -> None:
        """
        Make a sound after those before it, paced by the connector.

        Raises `Overloaded` when minutes of sound wait already.
        """

    def mark(self, reached: Callable[[bool], None]) -> None:
        """Tell whether all that was played so far has gone out: later, or at once when silent."""

    def stop(self) -> None:
        """Be silent within a packet; what has not gone out never will."""

    def hang_up(self) -> None:
        """Ask to leave the call, so that `run` returns; may be called again."""
