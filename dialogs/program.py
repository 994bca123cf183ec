"""
What a template becomes when it is read: functions to call in order, and the account they draw on.

Both template languages (`jinja.py`, `gotemplate.py`) turn into these, so that limits have one home.
Nothing is ever handed to Python's own attribute lookup, `eval` or code generation: a template can
only reach what a name or a key of a mapping leads to, and that is all there is to its sandbox.

Time is counted in steps and not in seconds. A busy machine then cannot make a good template fail,
and a bad one always stops at the same place: every turn of a loop costs what its body holds, and
every text or list costs by its length. The whole account lasts about 10 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dialogs.errors import TemplateError

__all__ = [
    "MAX_DEPTH",
    "MAX_NUMBER",
    "MAX_OUTPUT",
    "Expression",
    "Program",
    "Scope",
    "Step",
    "run_all",
]

T = TypeVar("T")

MAX_STEPS = 20_000
"""Steps a template may take; one is a fraction of a microsecond."""
MAX_OUTPUT = 64 * 1024
"""Characters a template may write, or hold in one text; the predecessor's limit."""
MAX_DEPTH = 32
"""Levels of brackets and blocks in one another."""
MAX_NUMBER = 2**63
"""Numbers stay below this, so that none grows until it fills the memory."""
FREE = 64
"""Characters or items of a value that cost one step."""


class Scope:
    """One run of a template: the names it can see, what it wrote, and what it may still spend."""

    __slots__ = ("_left", "_room", "names", "output")

    def __init__(self, names: Mapping[str, object]) -> None:
        self.names = dict(names)
        self.output: list[str] = []
        self._left = MAX_STEPS
        self._room = MAX_OUTPUT

    def spend(self, steps: int) -> None:
        """Pay for work; raises `TemplateError` when the account is empty."""
        self._left -= steps
        if self._left < 0:
            raise TemplateError("takes too long", hint="loop over less")

    def pay(self, value: T) -> T:
        """Pay for the length of a text or list and return it; numbers must not grow either."""
        if isinstance(value, str | Sequence | Mapping):
            if len(value) > MAX_OUTPUT:
                raise TemplateError("makes a text or list that is too long")
            self.spend(1 + len(value) // FREE)
        elif isinstance(value, int) and not -MAX_NUMBER < value < MAX_NUMBER:
            raise TemplateError("makes a number that is too large")
        return value

    def write(self, text: str) -> None:
        """Add to the output; more than 64 KiB is an error, not a cut."""
        self._room -= len(text)
        if self._room < 0:
            raise TemplateError(f"writes more than {MAX_OUTPUT} characters")
        self.output.append(text)

    def turns(self, items: Sequence[T], cost: int) -> Iterator[T]:
        """Go through the items, paying for each turn."""
        for item in items:
            self.spend(cost)
            yield item


Expression = Callable[[Scope], object]
Step = Callable[[Scope], None]


@dataclass(frozen=True, slots=True)
class Program:
    """A template that was read; `value` when it is a single expression and nothing else."""

    steps: Sequence[Step]
    value: Expression | None = None


def run_all(steps: Sequence[Step], scope: Scope) -> None:
    """Do one step after the other."""
    for step in steps:
        step(scope)
