"""
What happens in a conversation because nothing does: timeouts, silence, keys that stop coming.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from dialogs.flow import State
from dialogs.machine import Event

__all__ = ["Clocks", "Collector"]

SILENCE = 5.0
"""Seconds of quiet that count as silence when nobody says how many."""


@dataclass(slots=True)
class Collector:
    """Keys that were pressed and what ends them."""

    digits: int
    at_least: int
    end: str
    timeout: float
    pressed: str = ""

    def press(self, digit: str) -> bool:
        """Take a key; says whether that was the last."""
        if digit == self.end:
            return True
        self.pressed += digit
        return len(self.pressed) >= self.digits


class Clocks:
    """The clocks of one conversation; `happened` is told what they bring."""

    def __init__(self, happened: Callable[[Event], None], *, speaking: Callable[[], bool]) -> None:
        self._happened = happened
        self._speaking = speaking
        self._loop = asyncio.get_running_loop()
        self._silence = 0.0
        self._collector: Collector | None = None
        self._timeout: asyncio.TimerHandle | None = None
        self._quiet: asyncio.TimerHandle | None = None
        self._keys: asyncio.TimerHandle | None = None

    def enter(self, state: State) -> None:
        """Start anew for a state: its timeout runs from here, whatever happens in it."""
        self.stop()
        self._collector = None
        if state.timeout:
            over = Event("timeout")
            self._timeout = self._loop.call_later(state.timeout, self._happened, over)
        if any(one.event == "silence" for one in state.transitions):
            self._silence = self._silence or SILENCE
        self.stir()

    def expect_silence(self, after: float) -> None:
        """Let `silence` happen when it has been quiet for that long."""
        self._silence = after
        self.stir()

    def stir(self) -> None:
        """Somebody made a sound: silence begins anew."""
        if self._quiet:
            self._quiet.cancel()
        if self._silence:
            self._quiet = self._loop.call_later(self._silence, self._been_quiet)

    def collect(self, collector: Collector) -> None:
        """Gather keys from now on."""
        self._collector = collector
        self._wait_for_key()

    def press(self, digit: str) -> bool:
        """Take a key, if keys are being gathered."""
        if not self._collector:
            return False
        if self._collector.press(digit):
            self._collected(self._collector)
        else:
            self._wait_for_key()
        return True

    def stop(self) -> None:
        """Stop all of them."""
        for timer in (self._timeout, self._quiet, self._keys):
            if timer:
                timer.cancel()

    def _been_quiet(self) -> None:
        if not self._speaking():
            self._happened(Event("silence"))
        self.stir()

    def _wait_for_key(self) -> None:
        if self._keys:
            self._keys.cancel()
        if collector := self._collector:
            self._keys = self._loop.call_later(collector.timeout, self._collected, collector)

    def _collected(self, collector: Collector) -> None:
        self._collector = None
        if self._keys:
            self._keys.cancel()
        complete = len(collector.pressed) >= collector.at_least
        self._happened(Event("digits", {"digits": collector.pressed, "complete": complete}))
