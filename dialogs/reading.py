"""
Taking a document apart without giving up at the first mistake.

Every method takes a value and where it stands, notes what is wrong with it, and returns something
usable all the same, so that one pass finds every problem of a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from dialogs.document import Node, plain
from dialogs.errors import TemplateError
from dialogs.problem import Problem, did_you_mean
from dialogs.templates import Template, compile_template

__all__ = ["Reader", "seconds"]

T = TypeVar("T")
UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
LONGEST = 24 * 3600.0
"""Seconds: nobody waits longer in a call."""
FLAGS = {"true": True, "false": False}
OURS = "x-"
"""Keys that begin so are for the author: a place for anchors and notes."""


def seconds(text: str) -> float | None:
    """Read a duration such as `15s`, `1m30s` or `500ms`; nothing when it is none."""
    if re.fullmatch(f"(?:{PART.pattern})+", text):
        return sum(float(number) * UNITS[unit] for number, unit in PART.findall(text))
    return None


class Reader:
    """Reads the values of one file and gathers what is wrong with them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def wrong(self, line: int, where: str, message: str, hint: str = "") -> None:
        """Note a mistake."""
        self.problems.append(Problem("error", self.file, line, where, message, hint))

    def fields(
        self, node: Node, where: str, known: Collection[str], required: Collection[str] = ()
    ) -> Mapping[str, Node]:
        """Read a map with fixed keys; what has no value counts as not there."""
        if node.kind != "map":
            self.wrong(node.line, where, "must be a map", f"with {', '.join(known)}")
            return {}
        for key, line in node.repeated:
            self.wrong(line, _join(where, key), "is there twice", "remove one of them")
        for key in node.entries:
            if key not in known and not key.startswith(OURS):
                hint = did_you_mean(key, known)
                self.wrong(node.lines[key], _join(where, key), "is not a known key", hint)
        for key in required:
            if key not in node.entries:
                self.wrong(node.line, _join(where, key), "is missing")
        return {key: value for key, value in node.entries.items() if value.kind != "nothing"}

    def named(
        self, node: Node | None, where: str, read: Callable[[Node, str, str], T]
    ) -> dict[str, T]:
        """Read a map whose keys are names: `read` gets the value, where it is, and its name."""
        if node is None:
            return {}
        if node.kind != "map":
            self.wrong(node.line, where, "must be a map from names to what they are")
            return {}
        for key, line in node.repeated:
            self.wrong(line, _join(where, key), "is there twice", "remove one of them")
        return {key: read(value, _join(where, key), key) for key, value in node.entries.items()}

    def each(self, node: Node | None, where: str, read: Callable[[Node, str], T]) -> tuple[T, ...]:
        """Read a list."""
        if node is None:
            return ()
        if node.kind != "list":
            self.wrong(node.line, where, "must be a list", "begin each entry with a dash")
            return ()
        return tuple(read(item, f"{where}[{place}]") for place, item in enumerate(node.items))

    def text(self, node: Node, where: str) -> str:
        """Read a text; numbers and `true` are texts as well."""
        if node.kind in ("list", "map"):
            self.wrong(node.line, where, "must be a text", f"not a {node.kind}")
        return node.text

    def template(self, node: Node, where: str) -> Template:
        """Read a text that may have holes."""
        text = self.text(node, where)
        try:
            return compile_template(text)
        except TemplateError as error:
            self.wrong(node.line + error.line - 1, where, error.problem, error.hint)
            return Template(text, "plain")

    def flag(self, node: Node, where: str) -> bool:
        """Read true or false."""
        if node.kind != "text" or node.text.lower() not in FLAGS:
            self.wrong(node.line, where, "must be true or false")
            return False
        return FLAGS[node.text.lower()]

    def duration(self, node: Node, where: str) -> float:
        """Read a duration; nothing counts as none."""
        if node.kind == "text" and not node.text:
            return 0.0
        length = seconds(node.text)
        if length is None:
            hint = "write 15s, 1m30s or 500ms"
            self.wrong(node.line, where, f"{node.text!r} is not a duration", hint)
        elif not 0 < length <= LONGEST:
            self.wrong(node.line, where, "must be more than nothing and at most 24h")
        return length or 0.0

    def number(self, node: Node, where: str, *, whole: bool = False) -> float:
        """Read a number that is not negative."""
        value = plain(Node("text", node.line, text=node.text))
        number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not number or not isinstance(value, int | float) or not 0 <= value < 1e9:
            kind = "a whole number" if whole else "a number"
            self.wrong(node.line, where, f"must be {kind}, 0 or more")
            return 0
        return value

    def choice(self, node: Node, where: str, choices: Collection[str]) -> str:
        """Read one of a few words."""
        word = self.text(node, where)
        if word not in choices:
            hint = did_you_mean(word, choices)
            self.wrong(node.line, where, f"{word!r} is not known", hint)
        return word


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
