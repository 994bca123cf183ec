"""
Where dialogs are held: in a call, or in writing.

In writing nobody has a voice: what would be said is told by events alone, and counts as said.
"""

from __future__ import annotations

from collections.abc import Callable

from dialogs.errors import PortFailed
from dialogs.ports import Listening, Sound, Style
from transcriber.call import Transferable
from transcriber.engines.stt.base import StreamOptions
from transcriber.errors import TranscriberError
from transcriber.session.attendant import Stay

__all__ = ["CallLine", "Paper", "Turns"]

Turns = Callable[[str, str], bool]
"""Whether who hears a language tells by meaning that somebody has finished; or an engine, if named.

Raises a `TranscriberError` when there is no such engine."""


class CallLine:
    """Our place in a call; a `dialogs.ports.Line`."""

    def __init__(self, stay: Stay, *, turns: Turns) -> None:
        self._stay = stay
        self._turns = turns

    def listen(self, wish: Listening) -> None:
        """Listen this way from now on; what the recogniser cannot do is refused."""
        session, end = self._stay.session, wish.end_of_turn
        if end != "auto" and (end == "meaning") != self._by_meaning(wish, session.usual):
            problem = f"the recogniser does not end turns by {end}"
            raise PortFailed(f"{problem}; leave end_of_turn out")
        session.listen(language=wish.language, engine=wish.engine, vocabulary=wish.hints)

    def _by_meaning(self, wish: Listening, usual: StreamOptions) -> bool:
        try:
            return self._turns(wish.language or usual.language, wish.engine or usual.engine)
        except TranscriberError as error:
            raise PortFailed(str(error)) from error

    async def caption(self, text: str) -> None:
        """Show a line to everybody who reads."""
        await self._stay.show(text)

    async def transfer(self, to: str) -> None:
        """Hand the call over, where that is possible."""
        call = self._stay.call
        if not isinstance(call, Transferable):
            raise PortFailed("this call cannot be transferred")
        try:
            await call.transfer(to)
        except TranscriberError as error:
            raise PortFailed(str(error)) from error

    async def hang_up(self, reason: str) -> None:
        """The call is left when the conversation is over, unless somebody else wants us there."""


class Paper:
    """Voice, what it says and line of a conversation in writing: all is done once it is told."""

    async def finished(self) -> None:
        """It was said."""

    def stop(self) -> str:
        """Nobody interrupts what is said at once."""
        return ""

    def expect(self, text: str, style: Style) -> None:
        """Nothing takes time."""

    def say(self, text: str, style: Style) -> Paper:
        """It was told."""
        return self

    def play(self, sound: Sound) -> Paper:
        """It was told."""
        return self

    def listen(self, wish: Listening) -> None:
        """Whatever is written is read."""

    async def caption(self, text: str) -> None:
        """It was told."""

    async def transfer(self, to: str) -> None:
        """It was told: whoever is on the other side does it."""

    async def hang_up(self, reason: str) -> None:
        """It was told."""
