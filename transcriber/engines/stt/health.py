"""
Whether an engine can be asked now: a circuit breaker for everybody who shares the engine.

One broken stream among many says little about an engine that works for the others, so it takes
several in a row, without a sentence between them, to open the circuit. A stream that failed
without a word, a hang, or an engine that asks to be left alone opens it at once. While it is open
nobody asks, except one trial whenever the wait is over; the wait grows with each failed trial, and
only words that really came make it short again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from transcriber.errors import EngineError

__all__ = ["Health", "State"]

ENOUGH = 3
"""Failures in a row, of streams that had said something, until the engine counts as down."""
FIRST, LONGEST = 2.0, 10.0
"""Seconds before the first trial of an engine that is down, and the most between two: the audio of
half a minute is kept for it."""
HOPELESS = 300.0
"""Seconds before the trial of an engine that a new try cannot help: somebody may have helped."""
AT_ONCE = frozenset({"auth", "quota", "unusable", "timeout"})
"""Kinds of failure that need no confirmation: a hang would cost everybody seconds to confirm."""


@dataclass(frozen=True, slots=True)
class State:
    """What operators see of an engine."""

    engine: str
    up: bool
    failures: int = 0
    """In a row."""
    code: str = ""
    """Of the last failure, while there is any."""
    retry_in: float = 0.0


class Health:
    """The circuit of one engine; `now` is any steady clock in seconds."""

    def __init__(
        self,
        engine: str,
        *,
        now: Callable[[], float],
        observe: Callable[[State], object] = lambda state: None,
    ) -> None:
        self.up = True
        self.problem: EngineError | None = None
        """The last failure, while there is any."""
        self._engine = engine
        self._now = now
        self._observe = observe
        self._failures = 0
        self._wait = 0.0
        self._until = 0.0

    @property
    def state(self) -> State:
        """How it is now."""
        code = self.problem.code if self.problem else ""
        return State(self._engine, self.up, self._failures, code, round(self.wait, 3))

    @property
    def wait(self) -> float:
        """Seconds until it may be tried."""
        return 0.0 if self.up else max(0.0, self._until - self._now())

    @property
    def hopeless(self) -> bool:
        """Whether it is down for a reason that no new try removes."""
        return not self.up and self.problem is not None and not self.problem.retryable

    def heard(self) -> None:
        """It finished a sentence: all is well."""
        if self._failures or not self.up:
            self._failures, self._wait, self.problem = 0, 0.0, None
            self._turn(up=True)

    def answered(self) -> None:
        """A trial went well, though no words were asked for: use it, and watch it."""
        self._turn(up=True)

    def failed(self, problem: EngineError, *, fruitless: bool) -> None:
        """A stream broke or could not be opened; `fruitless` when nothing had been heard of it."""
        self._failures += 1
        self.problem = problem
        asked = problem.retry_after or 0.0
        if fruitless or asked or problem.kind in AT_ONCE or self._failures >= ENOUGH:
            self._wait = min(max(FIRST, self._wait * 2), LONGEST) if problem.retryable else HOPELESS
            self._until = self._now() + max(self._wait, asked)
            self._turn(up=False)

    def slow(self, problem: EngineError) -> None:
        """It did not open for somebody who has a choice: let a trial wait for it, at first now."""
        self.problem, self._until = problem, self._now() + self._wait
        self._wait = min(max(FIRST, self._wait * 2), LONGEST)
        self._turn(up=False)

    def _turn(self, *, up: bool) -> None:
        if up != self.up:
            self.up = up
            self._observe(self.state)
