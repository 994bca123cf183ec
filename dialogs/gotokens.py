"""
The words of a Go template: text, and what stands in braces, with its lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from dialogs.errors import TemplateError

__all__ = ["Cursor", "Token", "literal"]

ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)
    |(?P<rune>'(?:\\[^\n][0-9a-fA-F]*|[^'\\\n])')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))(?![\w.])
    |(?P<field>\.[^\W\d]\w*)
    |(?P<variable>\$\w*)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign>:=|[.(),|=])
    |(?P<end>-?\}\})""",
    re.VERBOSE,
)
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or a stretch of text outside braces."""

    kind: str
    text: str
    line: int
    spaced: bool
    """Whether there is a space before it: `.a.b` is one thing, `.a .b` are two."""


class Cursor:
    """Goes through the words of a template."""

    def __init__(self, source: str) -> None:
        self._tokens = list(_tokens(source))
        self._at = 0

    def peek(self) -> Token:
        """Look at the next word."""
        return self._tokens[self._at]

    def next(self) -> Token:
        """Take the next word."""
        token = self._tokens[self._at]
        self._at += 1
        return token

    def back(self) -> None:
        """Put the last word back."""
        self._at -= 1

    def expect(self, kind: str) -> Token:
        """Take a word that must be of this kind."""
        token = self.next()
        if token.kind != kind:
            raise TemplateError(f"{token.text!r} is not expected here", line=token.line)
        return token

    def declaration(self) -> str:
        """Take `$name :=`, if that is what comes."""
        match self._tokens[self._at : self._at + 2]:
            case [Token(kind="variable", text=name), Token(text=":=")]:
                self._at += 2
                return name
            case [Token(kind="variable", line=line), Token(text="=")]:
                hint = "give the new value a name of its own with :="
                raise TemplateError("a variable cannot be set again", hint=hint, line=line)
        return ""

    def declarations(self) -> tuple[str, ...]:
        """Take the names of a `range`: of the place and the item, or of the item, or none."""
        match self._tokens[self._at : self._at + 4]:
            case [Token(kind="variable") as first, Token(text=","), second, Token(text=":=")]:
                self._at += 4
                return (first.text, second.text)
        name = self.declaration()
        return (name,) if name else ("", "")


def _tokens(source: str) -> Iterator[Token]:
    place, line, trim = 0, 1, False
    while (begin := source.find("{{", place)) >= 0:
        text = source[place:begin]
        trimming = re.match(r"\{\{-\s", source[begin : begin + 4]) is not None
        shown = text.lstrip() if trim else text
        yield Token("text", shown.rstrip() if trimming else shown, line, spaced=False)
        line += text.count("\n")
        place = begin + (3 if trimming else 2)
        comment = re.compile(r"\s*/\*.*?\*/\s*(-?)\}\}", re.DOTALL).match(source, place)
        if comment:
            place, trim = comment.end(), bool(comment.group(1))
            line += comment.group().count("\n")
            continue
        tokens, place = _action(source, place, line)
        line, trim = tokens[-1].line, tokens[-1].text == "-}}"
        yield from tokens
    rest = source[place:]
    yield Token("text", rest.lstrip() if trim else rest, line, spaced=False)
    yield Token("over", "the end of the text", line, spaced=False)


def _action(source: str, place: int, line: int) -> tuple[list[Token], int]:
    """Read up to }}; says where it ends."""
    tokens: list[Token] = []
    spaced = False
    while place < len(source):
        if not (match := TOKEN.match(source, place)) or not match.lastgroup:
            raise TemplateError(f"{source[place]!r} is not expected here", line=line)
        kind, text, place = match.lastgroup, match.group(), match.end()
        line += text.count("\n")
        if kind != "space":
            tokens.append(Token(kind, text, line, spaced))
        spaced = kind == "space"
        if kind == "end":
            return tokens, place
    raise TemplateError("{{ is never closed", hint="write }} after it", line=line)


def literal(token: Token) -> object:
    """Give the value that a text, a letter or a number stands for."""
    if token.kind == "number":
        return _number(token)
    if token.text[0] == "`":
        return token.text[1:-1]
    text = ESCAPE.sub(_unescape, token.text[1:-1])
    return text if token.kind == "string" else ord(text[:1])


def _number(token: Token) -> object:
    text = token.text
    if re.fullmatch(r"[+-]?(0[xX][0-9a-fA-F]{1,15}|[\d_]{1,18})", text):
        return int(text, 16 if "x" in text.lower() else 10)
    if "x" in text.lower() or not isfinite(float(text)):
        raise TemplateError("a number is too large", line=token.line)
    return float(text)


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if code[0] in "xuU" and len(code) > 1:
        return chr(min(int(code[1:], 16), 0x10FFFF))
    return chr(int(code, 8)) if len(code) > 1 else ESCAPES.get(code, code)
