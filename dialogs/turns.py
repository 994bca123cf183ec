"""
Who has finished speaking, where the recogniser knows it by meaning and not by silence.

It ends an utterance at a pause, and says of some pauses that the turn was over. Until it does, what
somebody says is gathered; a long pause counts as well, for no recogniser is always right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dialogs.machine import Event

__all__ = ["Turns"]

PATIENCE = 2.0
"""Seconds without a voice after which what was said counts as all."""
LONGEST = 20.0
"""Seconds after which it does whatever is heard: others may speak, and there may be noise."""


class Turns:
    """Joins what each person says in a turn; `said` is told when it is over."""

    def __init__(self, said: Callable[[Event], None]) -> None:
        self.by_meaning = False
        """Whether turns are waited for; else each utterance is one."""
        self._said = said
        self._clock = asyncio.get_running_loop()
        self._open: dict[str, Event] = {}
        self._latest = 0.0
        self._waiting: asyncio.TimerHandle | None = None

    def hear(self, speech: Event) -> None:
        """Take an utterance; one that nobody in the call has said is a turn of its own."""
        person = str(speech.data.get("person_id", ""))
        if not (self.by_meaning and person):
            self._said(speech)
            return
        if not self._open:
            self._latest = self._clock.time() + LONGEST
        before = self._open.get(person)
        words = [str(one.data.get("text", "")) for one in (before, speech) if one]
        self._open[person] = Event(speech.type, {**speech.data, "text": " ".join(words)})
        self.stir()

    def stir(self) -> None:
        """Somebody goes on speaking."""
        self.stop()
        if self._open:
            at = min(self._clock.time() + PATIENCE, self._latest)
            self._waiting = self._clock.call_at(at, self._give_up)

    def end(self, person: str) -> None:
        """What somebody said was all."""
        if speech := self._open.pop(person, None):
            self._said(speech)

    def stop(self) -> None:
        """Wait no more."""
        if self._waiting:
            self._waiting.cancel()

    def _give_up(self) -> None:
        for person in tuple(self._open):
            self.end(person)
