"""
Reading values that may be of any kind.

Each function returns the value if it is of the kind that is wanted, and otherwise the kind's
nothing: an empty text, 0, an empty object. The annotated types do the same inside models.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

__all__ = ["Bool", "Number", "Object", "Text", "number", "objects", "record", "text"]


LONGEST = 2**64
"""The largest number that is taken for an id; Python refuses to print endless ones."""


def text(value: object) -> str:
    """Return a text; PHP sends ids made of digits as numbers."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int and abs(value) <= LONGEST else ""


def number(value: object) -> int:
    """Return a whole number; old servers send flags as true and false."""
    return int(value) if isinstance(value, int) else 0


def record(value: object) -> dict[str, Any]:
    """Return an object."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _true(value: object) -> bool:
    return value is True


Text = Annotated[str, BeforeValidator(text)]
Number = Annotated[int, BeforeValidator(number)]
Bool = Annotated[bool, BeforeValidator(_true)]
Object = Annotated[dict[str, Any], BeforeValidator(record)]
