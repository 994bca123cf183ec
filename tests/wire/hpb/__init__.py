"""
Conversations recorded between real programs, for replaying.

A line with a message is `time who -> {...}` or `time who <- {...}`; all others are remarks of
whoever recorded. Ids, addresses and secrets were replaced by names such as `<ann>`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["NAMES", "Line", "recording"]

FOLDER = Path(__file__).parent
NAMES = sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.txt"))
"""All recordings, as version/situation."""

LINE = re.compile(r"^\[?\s*-?[\d.]+s?\]?\s+(\S+) (->|<-) (\{.*\})$")


@dataclass(frozen=True, slots=True)
class Line:
    """A message that somebody sent, or was sent."""

    who: str
    sent: bool
    message: dict[str, Any]

    @property
    def text(self) -> str:
        return json.dumps(self.message)


def recording(name: str) -> list[Line]:
    """Read the messages of a recording, in the order of the file."""
    found = (LINE.match(line) for line in (FOLDER / f"{name}.txt").read_text().splitlines())
    return [Line(m[1], m[2] == "->", json.loads(m[3])) for m in found if m]
