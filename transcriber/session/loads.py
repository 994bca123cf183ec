"""
Which worker gets the next room, and whether others can take those of one that has died.

A worker says now and then how much of a core it uses. Rooms that it was given since then count as
what a small room costs, or all of a burst would go to the one that was idle a moment ago.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["Load", "lightest", "spare"]

ROOM = 0.03
"""Cores that a room is expected to need until its worker has said more: a dozen speakers."""
FULL = 0.7
"""Cores in use from which on a worker takes over no more: who speaks next needs the rest."""


@dataclass(frozen=True, slots=True)
class Load:
    """
    How busy one worker is: cores in use, and bytes of memory; `fresh` rooms are not in them yet.

    One that is not `open` takes no more.
    """

    cores: float = 0.0
    memory: int = 0
    fresh: int = 0
    open: bool = True

    def with_another(self) -> Load:
        """The load with one more room."""
        return replace(self, fresh=self.fresh + 1)

    @property
    def expected(self) -> float:
        """Cores that will be in use."""
        return self.cores + ROOM * self.fresh


def lightest(loads: Sequence[Load]) -> int:
    """Choose the worker with the least to do: of those that are open, or of all if none is."""
    places = [place for place, load in enumerate(loads) if load.open] or range(len(loads))
    return min(places, key=lambda place: loads[place].expected)


def spare(lost: Load, others: Sequence[Load]) -> bool:
    """Whether the others that are open have the time for what one did that was lost."""
    free = [FULL - load.expected for load in others if load.open]
    return lost.expected <= sum(max(0.0, one) for one in free) if free else False
