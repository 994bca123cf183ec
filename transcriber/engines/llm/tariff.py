"""
What answers cost.

Prices change too often to be ours: an administrator writes down those of the models in use, a
million tokens asked and a million written, by how a model's name begins.

    gpt-4.1-mini 0.40 1.60; claude-haiku 1 5

Nothing is in whatever currency that is. What a service says itself counts before all this; a model
that nobody gave a price costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dialogs.ports import Usage
from transcriber.errors import Misconfigured

__all__ = ["Budget", "Tariff"]

SETTING = "LLM_PRICES"
MILLION = 1_000_000
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices by the beginnings of models' names."""

    prices: tuple[tuple[str, float, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Tariff:
        """Read what an administrator wrote; raises `Misconfigured`."""
        entries = [entry for part in text.split(";") if (entry := part.split())]
        try:
            prices = [(name, float(asked), float(written)) for name, asked, written in entries]
        except ValueError:
            prices = [("", -1.0, -1.0)]
        if any(not asked >= 0 or not written >= 0 for _, asked, written in prices):
            raise Misconfigured(SETTING, f"{text!r} cannot be read", remedy="see the table")
        return cls(tuple(sorted(prices, key=lambda price: -len(price[0]))))

    def priced(self, usage: Usage, model: str) -> Usage:
        """Say what an answer cost; the longest name that fits decides."""
        if usage.cost:
            return usage
        for name, asked, written in self.prices:
            if model.startswith(name):
                spent = usage.prompt_tokens * asked + usage.completion_tokens * written
                return replace(usage, cost=spent / MILLION)
        return usage


class Budget:
    """What may be spent in a day that begins with the first expense; 0 for no limit."""

    def __init__(self, limit: float, now: Callable[[], float]) -> None:
        self._limit = limit
        self._now = now
        self._spent = 0.0
        self._until = 0.0

    @property
    def over(self) -> bool:
        """Whether the day's money is gone."""
        return 0 < self._limit <= self._spent and self._now() < self._until

    def spend(self, cost: float) -> None:
        """Note an expense."""
        if self._now() >= self._until:
            self._spent, self._until = 0.0, self._now() + DAY
        self._spent += cost
