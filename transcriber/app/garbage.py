"""
When the interpreter looks for garbage, which stops everybody in every call while it does.

Its collector goes through all that lives again and again, and most of that are modules and models
that stay for good: a tenth of a second and more, in which no word reaches anybody.
"""

from __future__ import annotations

import gc

__all__ = ["settle"]

OBJECTS = (10_000, 20, 10)
"""
New objects, and rounds, between two looks: hundreds of voices make Python's 700 every few
milliseconds, and leave hardly any cycles behind.
"""


def settle() -> None:
    """Everything is loaded: drop what was before, and let the collector pass over what there is."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*OBJECTS)
