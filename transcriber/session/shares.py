"""
Which instance gets a room: the same answer everywhere, without anybody asking anybody.

Every instance that takes rooms draws a number from the names of the room and its own; the highest
gets it. So rooms are spread evenly, an instance that dies leaves its rooms to all others in equal
parts, and one that comes takes nothing away from those that run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Instance", "chosen"]


@dataclass(frozen=True, slots=True)
class Instance:
    """One of those that share the work: its name, its address, and how many rooms it has."""

    id: str
    url: str = ""
    rooms: int = 0
    most: int = 0

    @classmethod
    def of(cls, id_: str, value: Any) -> Instance:
        """Make an instance of what was kept as its `value`."""
        return cls(id_, value["url"], value["rooms"], value["most"])

    @property
    def value(self) -> dict[str, Any]:
        """Everything but the name, for keeping."""
        return {"url": self.url, "rooms": self.rooms, "most": self.most}


def chosen(room: str, instances: Iterable[Instance]) -> str:
    """Choose among those that are not full, or among all if they are; nobody if there are none."""
    everyone = sorted(instances, key=lambda one: _number(room, one.id), reverse=True)
    able = [one for one in everyone if one.rooms < one.most]
    return (able or everyone)[0].id if everyone else ""


def _number(room: str, instance: str) -> bytes:
    return hashlib.blake2b(f"{room}\n{instance}".encode(), digest_size=8).digest()
