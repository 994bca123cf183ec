"""
Texts with holes in them, in either of two languages.

Flow files of the predecessor use Go's templates, ours use jinja's. Which one a text is written in
is decided for each text when the flow is loaded: whatever Go can read is Go, everything else must
be jinja, and when neither can read it, the message is about the language it looks like. Both run in
the same bounds (`program.py`): 64 KiB of output, 10 ms of work, no way out to Python.

In a condition, nothing, `false` and `<no value>` are false, and any other text is true, `0` and
`False` among them: the predecessor's rule. A jinja condition that is one single expression is
judged by its value instead, so that `{{ result.count }}` means what it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dialogs import gotemplate, jinja
from dialogs.errors import TemplateError
from dialogs.program import MAX_DEPTH, Program, Scope, run_all

__all__ = ["EMPTY", "Context", "Template", "compile_template"]

MAX_SOURCE = 16 * 1024
"""Characters of a template: no real one is longer, and reading one costs time as well."""
NESTING = 4 * MAX_DEPTH
"""Brackets in one another, counted before anything is read: parsers climb down by recursion."""
CHAIN = re.compile(rf"(?:[.|] ?+\w++ ?+){{{NESTING}}}")
"""Fields of fields, filters of filters: likewise."""
NAMES = ("event", "result", "session", "variables")
"""What a jinja template can see."""
BRACKET = re.compile(r"[][(){}]")
FALSE = frozenset({"", "false", "<no value>"})


@dataclass(frozen=True, slots=True)
class Context:
    """What templates can see, by the names each language has for it."""

    jinja: Mapping[str, object] = field(default_factory=dict)
    go: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Template:
    """A text that was understood. Rendering it raises `TemplateError` when it fails."""

    source: str
    language: Literal["plain", "go", "jinja"]
    _program: Program = field(repr=False, compare=False, default=Program(()))

    def render(self, context: Context) -> str:
        """Fill the holes."""
        if self.language == "plain":
            return self.source
        scope = self._scope(context)
        run_all(self._program.steps, scope)
        return "".join(scope.output)

    def holds(self, context: Context) -> bool:
        """Whether the text, as a condition, is true."""
        if self._program.value:
            value = self._program.value(self._scope(context))
            return value.strip() not in FALSE if isinstance(value, str) else bool(value)
        return self.render(context).strip() not in FALSE

    def _scope(self, context: Context) -> Scope:
        if self.language == "go":
            return Scope({".": context.go, "$": context.go})
        return Scope(context.jinja)


EMPTY = Template("", "plain")
"""A text that says nothing."""


def compile_template(source: str) -> Template:
    """Read a template; raises `TemplateError` with a hint when it cannot be used."""
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"is longer than {MAX_SOURCE} characters")
    if not any(mark in source for mark in ("{{", "{%", "{#")):
        return Template(source, "plain")
    if _nesting(source) > NESTING:
        raise TemplateError("has too many brackets in one another")
    if CHAIN.search(source):
        raise TemplateError("has too many fields or filters in a row")
    looks = gotemplate.looks_like_go(source)
    if looks or ("{%" not in source and "{#" not in source):
        try:
            return Template(source, "go", gotemplate.read(source))
        except TemplateError:
            if looks:
                raise
    return Template(source, "jinja", jinja.read(source, NAMES))


def _nesting(source: str) -> int:
    depth = deepest = 0
    for bracket in BRACKET.findall(source):
        depth += 1 if bracket in "([{" else -1
        deepest = max(deepest, depth)
    return deepest
