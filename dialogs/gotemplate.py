"""
Templates in Go's language, as the predecessor's flow files have them.

Read on load into the same kind of program as jinja templates, so both stop at the same limits.
Go is kept to the letter where a flow can notice: `eq` takes any of several values, nothing is equal
to anything else, a digit is a number (`printf "%c"` makes a text of it), numbers from JSON are
floats and cannot be compared with whole ones, strings are compared letter by letter.

What is there: fields, `if`, `else`, `with`, `range`, variables (`$x := ...`), pipelines, comments,
trimming, and the built-in functions. What is not: `define`, `template`, `block`, `call`, `break`,
`continue` and assigning to a variable again (`$x = ...`); these are refused on load.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from dialogs.errors import TemplateError
from dialogs.gofunctions import FUNCTIONS, METHODS, SESSION_FIELDS, field_of, text_of, truth
from dialogs.problem import did_you_mean
from dialogs.program import MAX_DEPTH, Expression, Program, Scope, Step, run_all

__all__ = ["looks_like_go", "read"]

ROOT = ("Variables", "Event", "Result", "Session")
REFUSED = {
    "define": "write the text where it is needed",
    "template": "write the text where it is needed",
    "block": "write the text where it is needed",
    "call": "there are no functions to call",
    "break": "use {{ if }} inside the loop",
    "continue": "use {{ if }} inside the loop",
}
CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "nil": None}
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
MARKS = re.compile(
    r"\{\{-?\s*(?:(?:if|else|end|with|range|define|template|block|break|continue)\b|\$|/\*)"
    r"|\{\{(?:[^{}\"'`]|\"[^\"]*\"|'[^']*'|`[^`]*`)*?(?<![\w\])\"'}])\.[A-Za-z_]"
    r"|\{\{-?\s*(?:eq|ne|lt|le|gt|ge|index|slice|printf|print|println|len|html|js|urlquery|call)"
    r"\s+[^\s|.}=<>!+*/~-]"
)


def looks_like_go(source: str) -> bool:
    """Whether only somebody who writes Go templates would write this."""
    return MARKS.search(source) is not None


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int
    spaced: bool
    """Whether there is a space before it: `.a.b` is one thing, `.a .b` are two."""


def read(source: str) -> Program:
    """Read a template; raises `TemplateError`."""
    reader = _Reader(list(_tokens(source)))
    steps, ended = reader.body()
    if ended.kind != "over":
        raise TemplateError(f"{{{{ {ended.text} }}}} without a beginning", line=ended.line)
    return Program(steps)


def _tokens(source: str) -> Iterator[_Token]:
    place, line, trim = 0, 1, False
    while (begin := source.find("{{", place)) >= 0:
        text = source[place:begin]
        trimming = re.match(r"\{\{-\s", source[begin : begin + 4]) is not None
        shown = text.lstrip() if trim else text
        yield _Token("text", shown.rstrip() if trimming else shown, line, spaced=False)
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
    yield _Token("text", rest.lstrip() if trim else rest, line, spaced=False)
    yield _Token("over", "the end of the text", line, spaced=False)


def _action(source: str, place: int, line: int) -> tuple[list[_Token], int]:
    """Read up to }}; says where it ends."""
    tokens: list[_Token] = []
    spaced = False
    while place < len(source):
        if not (match := TOKEN.match(source, place)) or not match.lastgroup:
            raise TemplateError(f"{source[place]!r} is not expected here", line=line)
        kind, text, place = match.lastgroup, match.group(), match.end()
        line += text.count("\n")
        if kind != "space":
            tokens.append(_Token(kind, text, line, spaced))
        spaced = kind == "space"
        if kind == "end":
            return tokens, place
    raise TemplateError("{{ is never closed", hint="write }} after it", line=line)


class _Reader:
    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._cost = 0
        self._moved = False
        self._variables: list[tuple[str, str]] = [("$", "$")]
        self._slots = 0

    # Blocks.

    def body(self) -> tuple[list[Step], _Token]:
        """Read until `end`, `else` or the end of the text; says which."""
        steps: list[Step] = []
        declared = len(self._variables)
        while True:
            token = self._next()
            if token.kind == "over" or token.text in ("end", "else"):
                del self._variables[declared:]
                return steps, token
            if token.kind == "text":
                steps.append(_writer(token.text))
            else:
                steps.append(self._statement(token))

    def _statement(self, token: _Token) -> Step:
        self._cost += 1
        if token.kind == "word" and token.text in REFUSED:
            hint = REFUSED[token.text]
            raise TemplateError(f"{token.text!r} cannot be used", hint=hint, line=token.line)
        if token.text in ("if", "with", "range"):
            self._deeper(token)
            outside, declared = self._moved, len(self._variables)
            step = {"if": self._if, "with": self._with, "range": self._range}[token.text]()
            self._moved = outside
            del self._variables[declared:]
            self._depth -= 1
            return step
        self._at -= 1
        if name := self._declaration():
            value = self._last_pipeline()
            return _setter(self._declare(name), value)
        shown = self._last_pipeline()
        return lambda scope: scope.write(scope.pay(text_of(shown(scope))))

    def _if(self) -> Step:
        name = self._declaration()
        test = self._last_pipeline()
        slot = self._declare(name)
        body, otherwise = self._branches(self._if)

        def step(scope: Scope) -> None:
            value = test(scope)
            _set(scope, slot, value)
            run_all(body if truth(value) else otherwise, scope)

        return step

    def _with(self) -> Step:
        name = self._declaration()
        test = self._last_pipeline()
        slot = self._declare(name)
        body, otherwise = self._inside()

        def step(scope: Scope) -> None:
            value, before = test(scope), scope.names["."]
            _set(scope, slot, value)
            scope.names["."] = value if truth(value) else before
            run_all(body if truth(value) else otherwise, scope)
            scope.names["."] = before

        return step

    def _range(self) -> Step:
        names = self._range_names()
        items, before = self._last_pipeline(), self._cost
        slots = [self._declare(name) for name in names]
        body, otherwise = self._inside()
        cost = 1 + self._cost - before

        def step(scope: Scope) -> None:
            dot, pairs = scope.names["."], _pairs(items(scope))
            for key, value in scope.turns(pairs, cost):
                for slot, given in zip(slots, (key, value)[-len(slots) :], strict=True):
                    _set(scope, slot, given)
                scope.names["."] = value
                run_all(body, scope)
            scope.names["."] = dot
            run_all(() if pairs else otherwise, scope)

        return step

    def _inside(self) -> tuple[Sequence[Step], Sequence[Step]]:
        """Read the branches of a block whose first one has another dot."""
        outside, self._moved = self._moved, True
        body, ended = self.body()
        self._moved = outside
        return body, self._otherwise(ended, None)

    def _branches(self, again: Callable[[], Step]) -> tuple[Sequence[Step], Sequence[Step]]:
        body, ended = self.body()
        return body, self._otherwise(ended, again)

    def _otherwise(self, ended: _Token, again: Callable[[], Step] | None) -> Sequence[Step]:
        otherwise: Sequence[Step] = ()
        if ended.text == "else":
            if again and self._peek().text == "if":
                self._next()
                self._deeper(ended)
                otherwise = [again()]
                self._depth -= 1
                return otherwise
            self._expect("end")
            otherwise, ended = self.body()
        if ended.text != "end":
            raise TemplateError("a block is never closed", hint="write {{ end }}", line=ended.line)
        self._expect("end")
        return otherwise

    def _expect(self, kind: str) -> _Token:
        token = self._next()
        if token.kind != kind:
            raise TemplateError(f"{token.text!r} is not expected here", line=token.line)
        return token

    # Pipelines.

    def _declaration(self) -> str:
        """Read `$name :=`, if that is what comes."""
        match self._tokens[self._at : self._at + 2]:
            case [_Token(kind="variable", text=name), _Token(text=":=")]:
                self._at += 2
                return name
            case [_Token(kind="variable", line=line), _Token(text="=")]:
                hint = "give the new value a name of its own with :="
                raise TemplateError("a variable cannot be set again", hint=hint, line=line)
        return ""

    def _range_names(self) -> tuple[str, ...]:
        match self._tokens[self._at : self._at + 4]:
            case [_Token(kind="variable"), _Token(text=","), second, _Token(text=":=")]:
                first = self._next().text
                self._at += 3
                return (first, second.text)
        name = self._declaration()
        return (name,) if name else ("", "")

    def _declare(self, name: str) -> str:
        """Give a variable a place of its own: one of the same name outside is kept."""
        if not name:
            return ""
        self._slots += 1
        self._variables.append((name, f"{name}:{self._slots}"))
        return self._variables[-1][1]

    def _last_pipeline(self) -> Expression:
        value = self._pipeline()
        self._expect("end")
        return value

    def _pipeline(self) -> Expression:
        value = self._command(None)
        while self._peek().text == "|":
            self._next()
            value = self._command(value)
        return value

    def _command(self, piped: Expression | None) -> Expression:
        first = self._next()
        if first.kind == "word" and first.text not in CONSTANTS:
            return self._function(first, piped)
        if first.text == "nil":
            raise TemplateError("nil cannot stand alone", line=first.line)
        value = self._operand(first)
        if piped or self._starts_operand():
            raise TemplateError(f"{first.text!r} takes no arguments", line=first.line)
        return value

    def _function(self, name: _Token, piped: Expression | None) -> Expression:
        if name.text in REFUSED:
            hint = REFUSED[name.text]
            raise TemplateError(f"{name.text!r} cannot be used", hint=hint, line=name.line)
        if not (work := FUNCTIONS.get(name.text)):
            hint = did_you_mean(name.text, FUNCTIONS)
            raise TemplateError(f"there is no function {name.text!r}", hint=hint, line=name.line)
        args = self._arguments()
        args += [piped] if piped else []
        if name.text in ("and", "or"):
            return _first_that(args, stops=name.text == "or", line=name.line)

        def run(scope: Scope) -> object:
            return scope.pay(work(*(scope.pay(arg(scope)) for arg in args)))

        return run

    def _arguments(self) -> list[Expression]:
        args = []
        while self._starts_operand():
            args.append(self._operand(self._next()))
        return args

    def _starts_operand(self) -> bool:
        token = self._peek()
        return token.kind not in ("end", "sign", "over") or token.text in (".", "(")

    def _operand(self, token: _Token) -> Expression:
        self._cost += 1
        self._deeper(token)
        value = self._term(token)
        path: list[str] = [token.text[1:]] if token.kind == "field" else []
        while (after := self._peek()).kind == "field" and not after.spaced:
            path.append(self._next().text[1:])
        self._depth -= 1
        root = token.text == "$" or (not self._moved and token.text == ".")
        if not path and root:
            hint = did_you_mean("", (f".{name}" for name in ROOT))
            raise TemplateError(f"{token.text} alone has no text", hint=hint, line=token.line)
        if not path:
            return value
        if (token.kind == "field" and not self._moved) or token.text == "$":
            _check_path(path, token.line)
            if method := METHODS.get(".".join(path)):
                return self._method(value, method)
        return lambda scope: _follow(value(scope), path)

    def _method(self, root: Expression, method: Callable[..., object]) -> Expression:
        args = self._arguments()
        return lambda scope: method(root(scope), *(arg(scope) for arg in args))

    def _term(self, token: _Token) -> Expression:
        match token.kind:
            case "field":
                return _dot
            case "string" | "rune" | "number":
                return _always(_literal(token))
            case "variable":
                return self._variable(token)
            case "word" if token.text in CONSTANTS:
                return _always(CONSTANTS[token.text])
            case "word" if token.text in FUNCTIONS:
                return self._function_alone(token)
        if token.text == ".":
            return _dot
        if token.text == "(":
            value = self._pipeline()
            if self._next().text != ")":
                raise TemplateError("( is never closed", line=token.line)
            return value
        raise TemplateError(f"{token.text!r} is not expected here", line=token.line)

    def _function_alone(self, token: _Token) -> Expression:
        hint = f"put it in brackets: ({token.text} ...)"
        raise TemplateError(f"{token.text!r} is not expected here", hint=hint, line=token.line)

    def _variable(self, token: _Token) -> Expression:
        name = token.text
        slots = dict(self._variables)
        if name not in slots:
            hint = did_you_mean(name, slots)
            raise TemplateError(f"there is no variable {name!r}", hint=hint, line=token.line)
        return lambda scope: scope.names[slots[name]]

    def _deeper(self, token: _Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TemplateError("too many levels in one another", line=token.line)

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at += 1
        return token


def _dot(scope: Scope) -> object:
    return scope.names["."]


def _always(value: object) -> Expression:
    return lambda scope: value


def _writer(text: str) -> Step:
    return lambda scope: scope.write(text)


def _setter(name: str, value: Expression) -> Step:
    return lambda scope: _set(scope, name, value(scope))


def _set(scope: Scope, name: str, value: object) -> None:
    if name:
        scope.names[name] = value


def _first_that(args: Sequence[Expression], *, stops: bool, line: int) -> Expression:
    if not args:
        raise TemplateError("and, or need at least one argument", line=line)

    def run(scope: Scope) -> object:
        value: object = None
        for arg in args:
            value = arg(scope)
            if truth(value) is stops:
                break
        return value

    return run


def _literal(token: _Token) -> object:
    if token.kind == "number":
        return _number(token)
    if token.text[0] == "`":
        return token.text[1:-1]
    text = ESCAPE.sub(_unescape, token.text[1:-1])
    return text if token.kind == "string" else ord(text[:1])


def _number(token: _Token) -> object:
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


def _check_path(path: Sequence[str], line: int) -> None:
    if path[0] not in ROOT:
        hint = did_you_mean(path[0], ROOT)
        raise TemplateError(f"there is no .{path[0]}", hint=hint, line=line)
    if path[0] == "Event" and len(path) > 1:
        raise TemplateError("the event has no fields", hint="write .Event", line=line)
    if path[0] == "Session" and len(path) > 1 and path[1] not in SESSION_FIELDS:
        hint = did_you_mean(path[1], SESSION_FIELDS)
        raise TemplateError(f"there is no .Session.{path[1]}", hint=hint, line=line)


def _follow(value: object, path: Sequence[str]) -> object:
    for name in path:
        value = field_of(value, name)
    return value


def _pairs(value: object) -> Sequence[tuple[object, object]]:
    match value:
        case None:
            return ()
        case Mapping():
            return [(key, field_of(value, key)) for key in sorted(value)]
        case list() | tuple():
            return list(enumerate(value))
    raise TemplateError("range can only loop over a list or a map")
