"""
What is wrong with a flow, told so that its author can mend it: where, what, and what to do.

All problems of a file are gathered before anybody is told, because correcting a file one message
at a time is what people hate about compilers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

__all__ = ["Problem", "did_you_mean"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong; an `error` keeps the flow from running, a `warning` does not."""

    severity: Severity
    file: str
    line: int
    """Counted from 1; 0 when it is about the file as a whole."""
    key: str
    """Where in the file, such as `states.ask.transitions[0].target`."""
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        about = f"{self.key}: " if self.key else ""
        after = f" ({self.hint})" if self.hint else ""
        return f"{place}: {self.severity}: {about}{self.message}{after}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest what was probably meant, or list what there is."""
    choices = sorted(known)
    if close := get_close_matches(word, choices, n=1):
        return f"did you mean {close[0]!r}?"
    return f"there is {', '.join(choices)}" if choices else ""
