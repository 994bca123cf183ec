"""Which events a listener wants: by type, area or room."""

from __future__ import annotations

from pydantic import BaseModel, Field

from transcriber.events import Event

__all__ = ["Wanted"]

TYPES = r"^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)(,(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?))*$"


class Wanted(BaseModel, extra="forbid"):
    """`types` are types or areas such as `speech.*`, with commas; `after` is an event's id."""

    types: str = Field("*", pattern=TYPES, max_length=1000)
    room: str = Field("", max_length=255)
    after: str = Field("", pattern=r"^(evt_[0-9a-f]{1,64})?$")

    def covers(self, event: Event) -> bool:
        """Whether the listener wants to hear of it."""
        if self.room and getattr(event.data, "room", "") != self.room:
            return False
        return any(_fits(pattern, event.type) for pattern in self.types.split(","))


def _fits(pattern: str, kind: str) -> bool:
    return kind == pattern or (pattern.endswith("*") and kind.startswith(pattern[:-1]))
