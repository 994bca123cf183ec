"""
A YAML file as a tree that remembers its lines.

Flow files come from people and from other systems, so nothing of YAML that can surprise is taken
over: no tags, no types but text (the schema decides what is a number), no key twice, and an end to
size, depth and what aliases may multiply to. Built from the parser's events without recursion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import yaml

__all__ = ["Node", "Unreadable", "plain", "read"]

MAX_SIZE = 256 * 1024
"""Characters of a file; the largest flows known have a tenth of it."""
MAX_NODES = 10_000
"""Values in a file, each counted as often as aliases repeat it."""
MAX_DEPTH = 32
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NULL = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS = {"true": True, "True": True, "false": False, "False": False}


class Unreadable(Exception):
    """The text is no YAML, or more of it than anybody needs."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(slots=True)
class Node:
    """A value; `text` of a scalar, `items` of a list, `entries` of a map."""

    kind: Literal["text", "list", "map", "nothing"]
    line: int
    text: str = ""
    quoted: bool = False
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """Where each key of a map stands."""
    repeated: list[tuple[str, int]] = field(default_factory=list)
    """Keys that were there already."""
    size: int = 1


def read(text: str) -> Node:
    """Read one document; raises `Unreadable`."""
    if len(text) > MAX_SIZE:
        raise Unreadable(0, f"is larger than {MAX_SIZE // 1024} KiB")
    try:
        return _Builder().build(yaml.parse(text, Loader=LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 0, error.problem or "is no YAML") from None
    except yaml.YAMLError as error:
        raise Unreadable(0, f"is no YAML: {str(error).splitlines()[0]}") from None


class _Builder:
    def __init__(self) -> None:
        self._anchors: dict[str, Node] = {}
        self._open: list[tuple[Node, str, list[Node]]] = []
        self._root: Node | None = None
        self._nodes = 0

    def build(self, events: Iterator[yaml.Event]) -> Node:
        for event in events:
            line = event.start_mark.line + 1 if event.start_mark else 0
            match event:
                case yaml.ScalarEvent():
                    self._add(_scalar(event, line), event.anchor)
                case yaml.AliasEvent():
                    self._alias(event.anchor or "", line)
                case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                    self._begin(event, line)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self._end()
                case yaml.DocumentStartEvent() if self._root:
                    raise Unreadable(line, "has a second document; one file is one flow")
        return self._root or Node("nothing", 1)

    def _begin(self, event: yaml.CollectionStartEvent, line: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise Unreadable(line, f"has more than {MAX_DEPTH} levels")
        kind: Literal["list", "map"] = (
            "list" if isinstance(event, yaml.SequenceStartEvent) else "map"
        )
        self._open.append((Node(kind, line), event.anchor or "", []))

    def _end(self) -> None:
        node, anchor, inner = self._open.pop()
        if node.kind == "list":
            node.items = inner
        else:
            _fill(node, inner)
        node.size += sum(one.size for one in inner)
        self._add(node, anchor)

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            raise Unreadable(line, f"*{anchor} stands for nothing that ended before it")
        self._count(self._anchors[anchor].size, line)
        self._add(self._anchors[anchor], None)

    def _count(self, values: int, line: int) -> None:
        self._nodes += values
        if self._nodes > MAX_NODES:
            raise Unreadable(line, f"has more than {MAX_NODES} values")

    def _add(self, node: Node, anchor: str | None) -> None:
        self._count(1, node.line)
        if anchor:
            self._anchors[anchor] = node
        if self._open:
            self._open[-1][2].append(node)
        else:
            self._root = node


def _scalar(event: yaml.ScalarEvent, line: int) -> Node:
    quoted = bool(event.style)
    if not quoted and event.value in NULL:
        return Node("nothing", line)
    return Node("text", line, text=event.value, quoted=quoted)


def _fill(node: Node, inner: list[Node]) -> None:
    """Make a map of keys and values in turn; `<<` takes over what is not there."""
    merged: list[Node] = []
    for key, value in zip(inner[::2], inner[1::2], strict=True):
        if key.kind not in ("text", "nothing"):
            raise Unreadable(key.line, "has a key that is no text")
        if key.text == "<<":
            merged += value.items if value.kind == "list" else [value]
        elif key.text in node.entries:
            node.repeated.append((key.text, key.line))
        else:
            node.entries[key.text] = value
            node.lines[key.text] = key.line
    for other in merged:
        for name in other.entries.keys() - node.entries.keys():
            node.entries[name] = other.entries[name]
            node.lines[name] = other.lines[name]


def plain(node: Node) -> object:
    """Turn a value into what JSON would have: for parts whose keys are not ours."""
    match node.kind:
        case "map":
            return {key: plain(value) for key, value in node.entries.items()}
        case "list":
            return [plain(item) for item in node.items]
        case "nothing":
            return None
    return node.text if node.quoted else _typed(node.text)


def _typed(text: str) -> object:
    if text in BOOLEANS:
        return BOOLEANS[text]
    for kind in (int, float):
        try:
            return kind(text) if text[:1] in "+-.0123456789" and "_" not in text else text
        except ValueError:
            continue
    return text
