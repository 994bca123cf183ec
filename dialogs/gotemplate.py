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
from collections.abc import Callable, Mapping, Sequence

from dialogs.errors import TemplateError
from dialogs.gofunctions import FUNCTIONS, METHODS, SESSION_FIELDS, field_of, text_of, truth
from dialogs.gotokens import Cursor, Token, literal
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
MARKS = re.compile(
    r"\{\{-?\s*(?:(?:if|else|end|with|range|define|template|block|break|continue)\b|\$|/\*)"
    r"|\{\{(?:[^{}\"'`]|\"[^\"]*\"|'[^']*'|`[^`]*`)*?(?<![\w\])\"'}])\.[A-Za-z_]"
    r"|\{\{-?\s*(?:eq|ne|lt|le|gt|ge|index|slice|printf|print|println|len|html|js|urlquery|call)"
    r"\s+[^\s|.}=<>!+*/~-]"
)


def looks_like_go(source: str) -> bool:
    """Whether only somebody who writes Go templates would write this."""
    return MARKS.search(source) is not None


def read(source: str) -> Program:
    """Read a template; raises `TemplateError`."""
    steps, ended = _Blocks(source).body()
    if ended.kind != "over":
        raise TemplateError(f"{{{{ {ended.text} }}}} without a beginning", line=ended.line)
    return Program(steps)


class _Blocks:
    """Reads what does something."""

    def __init__(self, source: str) -> None:
        self._words = Cursor(source)
        self._values = _Pipelines(self._words)

    def body(self) -> tuple[list[Step], Token]:
        """Read until `end`, `else` or the end of the text; says which."""
        steps: list[Step] = []
        declared = len(self._values.variables)
        while True:
            token = self._words.next()
            if token.kind == "over" or token.text in ("end", "else"):
                del self._values.variables[declared:]
                return steps, token
            if token.kind == "text":
                steps.append(_writer(token.text))
            else:
                steps.append(self._statement(token))

    def _statement(self, token: Token) -> Step:
        self._values.cost += 1
        if token.kind == "word" and token.text in REFUSED:
            hint = REFUSED[token.text]
            raise TemplateError(f"{token.text!r} cannot be used", hint=hint, line=token.line)
        if token.text in ("if", "with", "range"):
            self._values.deeper(token)
            outside, declared = self._values.moved, len(self._values.variables)
            step = {"if": self._if, "with": self._with, "range": self._range}[token.text]()
            self._values.moved = outside
            del self._values.variables[declared:]
            self._values.higher()
            return step
        self._words.back()
        if name := self._words.declaration():
            value = self._values.read()
            return _setter(self._values.declare(name), value)
        shown = self._values.read()
        return lambda scope: scope.write(scope.pay(text_of(shown(scope))))

    def _if(self) -> Step:
        name = self._words.declaration()
        test = self._values.read()
        slot = self._values.declare(name)
        body, otherwise = self._branches(self._if)

        def step(scope: Scope) -> None:
            value = test(scope)
            _set(scope, slot, value)
            run_all(body if truth(value) else otherwise, scope)

        return step

    def _with(self) -> Step:
        name = self._words.declaration()
        test = self._values.read()
        slot = self._values.declare(name)
        body, otherwise = self._inside()

        def step(scope: Scope) -> None:
            value, before = test(scope), scope.names["."]
            _set(scope, slot, value)
            scope.names["."] = value if truth(value) else before
            run_all(body if truth(value) else otherwise, scope)
            scope.names["."] = before

        return step

    def _range(self) -> Step:
        names = self._words.declarations()
        items, before = self._values.read(), self._values.cost
        slots = [self._values.declare(name) for name in names]
        body, otherwise = self._inside()
        cost = 1 + self._values.cost - before

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
        outside, self._values.moved = self._values.moved, True
        body, ended = self.body()
        self._values.moved = outside
        return body, self._otherwise(ended, None)

    def _branches(self, again: Callable[[], Step]) -> tuple[Sequence[Step], Sequence[Step]]:
        body, ended = self.body()
        return body, self._otherwise(ended, again)

    def _otherwise(self, ended: Token, again: Callable[[], Step] | None) -> Sequence[Step]:
        otherwise: Sequence[Step] = ()
        if ended.text == "else":
            if again and self._words.peek().text == "if":
                self._words.next()
                self._values.deeper(ended)
                otherwise = [again()]
                self._values.higher()
                return otherwise
            self._words.expect("end")
            otherwise, ended = self.body()
        if ended.text != "end":
            raise TemplateError("a block is never closed", hint="write {{ end }}", line=ended.line)
        self._words.expect("end")
        return otherwise


class _Pipelines:
    """Reads what has a value."""

    def __init__(self, words: Cursor) -> None:
        self.cost = 0
        self.moved = False
        """Whether the dot is no longer all there is."""
        self.variables: list[tuple[str, str]] = [("$", "$")]
        self._words = words
        self._slots = 0
        self._depth = 0

    def read(self) -> Expression:
        """Read a pipeline up to the closing braces."""
        value = self._pipeline()
        self._words.expect("end")
        return value

    def declare(self, name: str) -> str:
        """Give a variable a place of its own: one of the same name outside is kept."""
        if not name:
            return ""
        self._slots += 1
        self.variables.append((name, f"{name}:{self._slots}"))
        return self.variables[-1][1]

    def deeper(self, token: Token) -> None:
        """Go one level down; `higher` when done."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TemplateError("too many levels in one another", line=token.line)

    def higher(self) -> None:
        """Come back up."""
        self._depth -= 1

    def _pipeline(self) -> Expression:
        value = self._command(None)
        while self._words.peek().text == "|":
            self._words.next()
            value = self._command(value)
        return value

    def _command(self, piped: Expression | None) -> Expression:
        first = self._words.next()
        if first.kind == "word" and first.text not in CONSTANTS:
            return self._function(first, piped)
        if first.text == "nil":
            raise TemplateError("nil cannot stand alone", line=first.line)
        value = self._operand(first)
        if piped or self._starts_operand():
            raise TemplateError(f"{first.text!r} takes no arguments", line=first.line)
        return value

    def _function(self, name: Token, piped: Expression | None) -> Expression:
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
            args.append(self._operand(self._words.next()))
        return args

    def _starts_operand(self) -> bool:
        token = self._words.peek()
        return token.kind not in ("end", "sign", "over") or token.text in (".", "(")

    def _operand(self, token: Token) -> Expression:
        self.cost += 1
        self.deeper(token)
        value = self._term(token)
        path: list[str] = [token.text[1:]] if token.kind == "field" else []
        while (after := self._words.peek()).kind == "field" and not after.spaced:
            path.append(self._words.next().text[1:])
        self.higher()
        root = token.text == "$" or (not self.moved and token.text == ".")
        if not path and root:
            hint = did_you_mean("", (f".{name}" for name in ROOT))
            raise TemplateError(f"{token.text} alone has no text", hint=hint, line=token.line)
        if not path:
            return value
        if (token.kind == "field" and not self.moved) or token.text == "$":
            _check_path(path, token.line)
            if method := METHODS.get(".".join(path)):
                return self._method(value, method)
        return lambda scope: _follow(value(scope), path)

    def _method(self, root: Expression, method: Callable[..., object]) -> Expression:
        args = self._arguments()
        return lambda scope: method(root(scope), *(arg(scope) for arg in args))

    def _term(self, token: Token) -> Expression:
        match token.kind:
            case "field":
                return _dot
            case "string" | "rune" | "number":
                return _always(literal(token))
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
            if self._words.next().text != ")":
                raise TemplateError("( is never closed", line=token.line)
            return value
        raise TemplateError(f"{token.text!r} is not expected here", line=token.line)

    def _function_alone(self, token: Token) -> Expression:
        hint = f"put it in brackets: ({token.text} ...)"
        raise TemplateError(f"{token.text!r} is not expected here", hint=hint, line=token.line)

    def _variable(self, token: Token) -> Expression:
        name = token.text
        slots = dict(self.variables)
        if name not in slots:
            hint = did_you_mean(name, slots)
            raise TemplateError(f"there is no variable {name!r}", hint=hint, line=token.line)
        return lambda scope: scope.names[slots[name]]


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
