"""
What shall be true: who wants to read which room, in which language, heard by whom.

A wish is a value, pure to compare. Commands of users only change wishes; that reality follows is
the supervisor's work, so a lost connection, our own restart and a second press of the same button
are all the same case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

__all__ = ["Wish"]

NOBODY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Wish:
    """
    One room: its readers, by the id their conference knows them by, and the language spoken.

    A reader's value is the language they want to read; empty as it is spoken. `dialog` is the id
    of the conversation that shall be held there. `engine` and `model` are who shall hear the room,
    as a policy says it; empty: who usually does.
    """

    room: str
    language: str = "en"
    readers: Mapping[str, str] = field(default_factory=lambda: NOBODY)
    dialog: str = ""
    engine: str = ""
    model: str = ""

    @classmethod
    def of(cls, room: str, value: Any) -> Wish:
        """Make a wish of what was kept as its `value`."""
        readers = MappingProxyType(dict(value["readers"]))
        more = {name: value.get(name, "") for name in ("dialog", "engine", "model")}
        return cls(room, value["language"], readers, **more)

    @property
    def awaited(self) -> Collection[str]:
        """Those of whom somebody has to be there; nobody, if we are there for a conversation."""
        return () if self.dialog else self.readers.keys()

    @property
    def value(self) -> dict[str, Any]:
        """Everything but the room, for keeping and sending."""
        more = {"dialog": self.dialog, "engine": self.engine, "model": self.model}
        kept = {"language": self.language, "readers": dict(self.readers)}
        return kept | {name: wanted for name, wanted in more.items() if wanted}

    def read_by(self, reader: str) -> Wish:
        """Somebody wants captions; whoever has them already keeps their language."""
        return self._with({reader: self.readers.get(reader, "")})

    def not_read_by(self, reader: str) -> Wish:
        """Somebody wants none any more."""
        rest = {one: target for one, target in self.readers.items() if one != reader}
        return replace(self, readers=MappingProxyType(rest))

    def translated(self, reader: str, target: str) -> Wish:
        """A reader wants another language than is spoken; raises `KeyError` if they read none."""
        if reader not in self.readers:
            raise KeyError(reader)
        return self._with({reader: target})

    def spoken_in(self, language: str) -> Wish:
        """Another language is spoken from now on."""
        return replace(self, language=language)

    def heard_by(self, engine: str, model: str = "") -> Wish:
        """Another engine or model listens from now on; the usual one if they are empty."""
        return replace(self, engine=engine, model=model)

    def held(self, dialog: str) -> Wish:
        """A conversation shall be held; none if it is empty."""
        return replace(self, dialog=dialog)

    def _with(self, readers: dict[str, str]) -> Wish:
        return replace(self, readers=MappingProxyType({**self.readers, **readers}))
