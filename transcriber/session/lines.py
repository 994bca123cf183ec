"""
Where dialogs are held: in a call, or in writing.

In writing nobody has a voice: what would be said is told by events alone, and counts as said.
"""

from __future__ import annotations

from dialogs.errors import PortFailed
from dialogs.ports import Listening, Sound, Style
from transcriber.call import Transferable
from transcriber.errors import TranscriberError
from transcriber.session.attendant import Stay

__all__ = ["CallLine", "Paper"]


class CallLine:
    """Our place in a call; a `dialogs.ports.Line`."""

    def __init__(self, stay: Stay, *, turns: bool) -> None:
        """`turns` says whether the recogniser tells by meaning that somebody has finished."""
        self._stay = stay
        self._turns = turns

    def listen(self, wish: Listening) -> None:
        """Listen this way from now on; what the recogniser cannot do is refused."""
        if wish.end_of_turn != "auto" and (wish.end_of_turn == "meaning") != self._turns:
            problem = f"the recogniser does not end turns by {wish.end_of_turn}"
            raise PortFailed(f"{problem}; leave end_of_turn out")
        self._stay.session.listen(language=wish.language, engine=wish.engine, vocabulary=wish.hints)

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
