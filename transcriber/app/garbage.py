"""
When the interpreter looks for garbage, which stops everybody in every call while it does.

Its collector goes through all that lives again and again, and most of that are modules and models
that stay for good: a tenth of a second and more, in which no word reaches anybody.
"""

from __future__ import annotations

import gc

from transcriber.memory import give_back
from transcriber.rtc.sfu.room import Member, Witness

__all__ = ["Sweep", "settle"]

OBJECTS = (10_000, 20, 10)
"""
New objects, and rounds, between two looks: hundreds of voices make Python's 700 every few
milliseconds, and leave hardly any cycles behind.
"""

LEAVERS = 50
"""
People who have left before what they leave behind is taken, or as many as are there, should that be
more: two hundred objects each, with their keys and sockets, that hold each other. A look goes
through everybody, since who stayed for longer than one is no longer young; so it costs each who
leaves the same, however many there are.
"""


class Sweep(Witness):
    """
    Looks when people have left, so that memory does not wait for chance, and gives back what is
    free.
    """

    def __init__(self) -> None:
        self._there = self._left = 0

    def entered(self, member: Member) -> None:
        """Somebody came."""
        self._there += 1

    def gone(self, member: Member) -> None:
        """Somebody left."""
        self._there -= 1
        self._left += 1
        if self._left >= max(LEAVERS, self._there):
            self._left = 0
            gc.collect()
            give_back()


def settle() -> None:
    """Everything is loaded: drop what was before, and let the collector pass over what there is."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*OBJECTS)
