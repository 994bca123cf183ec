"""
Templates in jinja2's language: jinja2 reads them, we run them.

jinja2's own sandbox runs templates as Python and then guards the ways out, and every few years
somebody finds one more. A dialog needs a small part of the language, so we take jinja2's parser and
run its tree ourselves: what is not on the list below is refused when the flow is loaded, with a
hint. There are no methods, no calls but `range`, no imports and no macros; `a.b` and `a["b"]` look
up a key of a mapping, whatever its name, and nothing else. Something missing is empty.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from jinja2 import Environment, TemplateSyntaxError, nodes

from dialogs.errors import TemplateError
from dialogs.filters import FILTERS, TESTS, text_of
from dialogs.problem import did_you_mean
from dialogs.program import MAX_DEPTH, Expression, Program, Scope, Step, run_all

__all__ = ["read"]

T = TypeVar("T")

PARSER = Environment(keep_trailing_newline=True)
EMPTY = nodes.Const(None)
RANGE = 1000
"""Numbers `range` makes at most."""

ARITHMETIC: Mapping[type[nodes.Expr], Callable[[object, object], object]] = {
    nodes.Add: operator.add,
    nodes.Sub: operator.sub,
    nodes.Mul: operator.mul,
    nodes.Div: operator.truediv,
    nodes.FloorDiv: operator.floordiv,
    nodes.Mod: operator.mod,
}
COMPARE: Mapping[str, Callable[..., bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": lambda item, items: operator.contains(items, item),
    "notin": lambda item, items: not operator.contains(items, item),
}
INSTEAD: Mapping[type[nodes.Node], str] = {
    nodes.Call: "there are no calls; use a filter, such as {{ text | upper }}",
    nodes.Slice: "take one item, or use {{ text | truncate(20) }}",
    nodes.Pow: "multiply instead",
    nodes.Macro: "there are no macros",
    nodes.CallBlock: "there are no macros",
    nodes.FilterBlock: "filter each value, such as {{ text | upper }}",
    nodes.Include: "a template cannot load another one",
    nodes.Import: "a template cannot load another one",
    nodes.FromImport: "a template cannot load another one",
    nodes.Extends: "a template cannot load another one",
    nodes.Block: "a template cannot load another one",
}


def read(source: str, names: Collection[str]) -> Program:
    """Read a template that may use these names; raises `TemplateError`."""
    try:
        tree = PARSER.parse(source)
    except TemplateSyntaxError as error:
        raise TemplateError(error.message or "cannot be read", line=error.lineno) from None
    except (RecursionError, ValueError, OverflowError):
        raise TemplateError("cannot be read: too deep, or a number is too large") from None
    return _Statements(names).program(tree)


class _Statements:
    """Turns what does something into steps, refusing what is not on the list."""

    def __init__(self, names: Collection[str]) -> None:
        self._bounds = _Bounds(names)
        self._expression = _Expressions(self._bounds).read
        self._readers: Mapping[type[nodes.Node], Callable[..., list[Step]]] = {
            nodes.Output: self._output,
            nodes.If: self._if,
            nodes.For: self._for,
            nodes.Assign: self._assign,
        }

    def program(self, tree: nodes.Template) -> Program:
        steps = self._body(tree.body)
        match tree.body:
            case [nodes.Output(nodes=[nodes.Expr() as only])]:
                return Program(steps, self._expression(only))
        return Program(steps)

    def _body(self, body: Sequence[nodes.Node]) -> list[Step]:
        return [step for node in body for step in self._statement(node)]

    def _statement(self, node: nodes.Node) -> list[Step]:
        if not (reader := self._readers.get(type(node))):
            raise _refusal(node)
        return self._bounds.deeper(reader, node)

    def _output(self, node: nodes.Output) -> list[Step]:
        return [_writer(self._expression(item)) for item in node.nodes]

    def _if(self, node: nodes.If) -> list[Step]:
        branches = [(self._expression(one.test), self._body(one.body)) for one in _elifs(node)]
        otherwise = self._body(node.else_)

        def step(scope: Scope) -> None:
            chosen = (body for test, body in branches if test(scope))
            run_all(next(chosen, otherwise), scope)

        return [step]

    def _assign(self, node: nodes.Assign) -> list[Step]:
        if not isinstance(node.target, nodes.Name):
            raise TemplateError("set one name at a time", line=node.lineno)
        name, value = self._bounds.new(node.target), self._expression(node.node)

        def step(scope: Scope) -> None:
            scope.names[name] = value(scope)

        return [step]

    def _for(self, node: nodes.For) -> list[Step]:
        if node.recursive:
            raise TemplateError("a loop cannot call itself", line=node.lineno)
        items, otherwise = self._expression(node.iter), self._body(node.else_)
        before, known = self._bounds.cost, set(self._bounds.known)
        targets = [self._bounds.new(target) for target in _targets(node.target)]
        self._bounds.known.add("loop")
        test = self._expression(node.test) if node.test else None
        body = self._body(node.body)
        self._bounds.known, cost = known, 1 + self._bounds.cost - before

        def step(scope: Scope) -> None:
            outside, empty = dict(scope.names), True
            for number, item in enumerate(scope.turns(_items(items(scope)), cost)):
                _bind(scope, targets, item)
                scope.names["loop"] = {"index": number + 1, "index0": number, "first": not number}
                if test is None or test(scope):
                    empty = False
                    run_all(body, scope)
            scope.names = outside
            run_all(otherwise if empty else (), scope)

        return [step]


class _Bounds:
    """How deep we are in a template, what its body costs, and which names there are."""

    def __init__(self, names: Collection[str]) -> None:
        self.known = set(names)
        self.cost = 0
        self._depth = 0

    def deeper(self, reader: Callable[..., T], node: nodes.Node) -> T:
        self.cost += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TemplateError("too many levels in one another", line=node.lineno)
        made = reader(node)
        self._depth -= 1
        return made

    def new(self, target: nodes.Node) -> str:
        if not isinstance(target, nodes.Name):
            raise _refusal(target)
        _plain(target.name, target)
        self.known.add(target.name)
        return target.name


class _Expressions:
    """Turns what has a value into functions, refusing what is not on the list."""

    def __init__(self, bounds: _Bounds) -> None:
        self._bounds = bounds
        self._readers: Mapping[type[nodes.Node], Callable[..., Expression]] = {
            nodes.TemplateData: _constant,
            nodes.Const: _constant,
            nodes.Name: self._name,
            nodes.Getattr: self._attribute,
            nodes.Getitem: self._item,
            nodes.Call: self._call,
            nodes.Filter: self._filter,
            nodes.Test: self._test,
            nodes.Compare: self._compare,
            nodes.And: self._and,
            nodes.Or: self._or,
            nodes.Not: self._not,
            nodes.Neg: self._negative,
            nodes.CondExpr: self._choice,
            nodes.Concat: self._concat,
            nodes.List: self._list,
            nodes.Tuple: self._list,
            nodes.Dict: self._dict,
            **dict.fromkeys(ARITHMETIC, self._arithmetic),
        }

    def read(self, node: nodes.Node) -> Expression:
        """Turn a node into a function."""
        if not (reader := self._readers.get(type(node))):
            raise _refusal(node)
        return self._bounds.deeper(reader, node)

    def _name(self, node: nodes.Name) -> Expression:
        name = node.name
        if name not in self._bounds.known:
            hint = did_you_mean(name, self._bounds.known)
            raise TemplateError(f"there is no {name!r} here", hint=hint, line=node.lineno)
        return lambda scope: scope.names.get(name)

    def _attribute(self, node: nodes.Getattr) -> Expression:
        _plain(node.attr, node)
        owner, key = self.read(node.node), node.attr
        return lambda scope: _lookup(owner(scope), key)

    def _item(self, node: nodes.Getitem) -> Expression:
        owner, key = self.read(node.node), self.read(node.arg)
        return lambda scope: _lookup(owner(scope), key(scope))

    def _call(self, node: nodes.Call) -> Expression:
        match node:
            case nodes.Call(node=nodes.Name(name="range"), args=args, kwargs=[], dyn_args=None):
                limits = [self.read(arg) for arg in args]
                return lambda scope: _range(scope, [limit(scope) for limit in limits])
        raise _refusal(node)

    def _filter(self, node: nodes.Filter) -> Expression:
        if not (work := FILTERS.get(node.name)):
            hint = did_you_mean(node.name, FILTERS)
            raise TemplateError(f"there is no filter {node.name!r}", hint=hint, line=node.lineno)
        value, (args, named) = self.read(node.node or EMPTY), self._arguments(node)

        def run(scope: Scope) -> object:
            given = [scope.pay(value(scope)), *(arg(scope) for arg in args)]
            return scope.pay(_try(work, *given, **{key: arg(scope) for key, arg in named.items()}))

        return run

    def _test(self, node: nodes.Test) -> Expression:
        if not (work := TESTS.get(node.name)):
            hint = did_you_mean(node.name, TESTS)
            raise TemplateError(f"there is no test {node.name!r}", hint=hint, line=node.lineno)
        value, (args, _) = self.read(node.node), self._arguments(node)
        return lambda scope: _try(work, value(scope), *(arg(scope) for arg in args))

    def _arguments(
        self, node: nodes.Filter | nodes.Test
    ) -> tuple[list[Expression], dict[str, Expression]]:
        if node.dyn_args or node.dyn_kwargs:
            raise TemplateError("give the arguments one by one", line=node.lineno)
        named = {str(pair.key): self.read(pair.value) for pair in node.kwargs}
        return [self.read(arg) for arg in node.args], named

    def _compare(self, node: nodes.Compare) -> Expression:
        first = self.read(node.expr)
        others = [(COMPARE[one.op], self.read(one.expr)) for one in node.ops]

        def run(scope: Scope) -> object:
            left = scope.pay(first(scope))
            for work, other in others:
                right = scope.pay(other(scope))
                if not _try(work, left, right):
                    return False
                left = right
            return True

        return run

    def _and(self, node: nodes.And) -> Expression:
        left, right = self.read(node.left), self.read(node.right)
        return lambda scope: left(scope) and right(scope)

    def _or(self, node: nodes.Or) -> Expression:
        left, right = self.read(node.left), self.read(node.right)
        return lambda scope: left(scope) or right(scope)

    def _not(self, node: nodes.Not) -> Expression:
        value = self.read(node.node)
        return lambda scope: not value(scope)

    def _negative(self, node: nodes.Neg) -> Expression:
        value = self.read(node.node)
        return lambda scope: _try(operator.neg, value(scope))

    def _choice(self, node: nodes.CondExpr) -> Expression:
        test, this = self.read(node.test), self.read(node.expr1)
        that = self.read(node.expr2 or EMPTY)
        return lambda scope: this(scope) if test(scope) else that(scope)

    def _concat(self, node: nodes.Concat) -> Expression:
        parts = [self.read(part) for part in node.nodes]
        return lambda scope: scope.pay("".join(scope.pay(text_of(part(scope))) for part in parts))

    def _list(self, node: nodes.List | nodes.Tuple) -> Expression:
        items = [self.read(item) for item in node.items]
        return lambda scope: _weighed(scope, [item(scope) for item in items])

    def _dict(self, node: nodes.Dict) -> Expression:
        pairs = [(self.read(pair.key), self.read(pair.value)) for pair in node.items]
        return lambda scope: _weighed(
            scope, {text_of(key(scope)): value(scope) for key, value in pairs}
        )

    def _arithmetic(self, node: nodes.BinExpr) -> Expression:
        left, right = self.read(node.left), self.read(node.right)
        work, sign = ARITHMETIC[type(node)], node.operator

        def run(scope: Scope) -> object:
            one, two = left(scope), right(scope)
            if not (_numbers(one, two) or (sign == "+" and _texts(one, two))):
                raise TemplateError(
                    f"{sign!r} needs two numbers, not {_kind(one)} and {_kind(two)}",
                    hint="{{ text | int }} makes a number, a ~ b joins texts",
                )
            return scope.pay(_try(work, one, two))

        return run


def _constant(node: nodes.TemplateData | nodes.Const) -> Expression:
    value = node.data if isinstance(node, nodes.TemplateData) else node.value
    return lambda scope: value


def _writer(value: Expression) -> Step:
    return lambda scope: scope.write(scope.pay(text_of(value(scope))))


def _refusal(node: nodes.Node) -> TemplateError:
    what = type(node).__name__
    return TemplateError(
        f"{what!r} cannot be used", hint=INSTEAD.get(type(node), ""), line=node.lineno
    )


def _plain(name: str, node: nodes.Node) -> None:
    if name.startswith("_"):
        raise TemplateError(f"{name!r}: no name begins with an underscore", line=node.lineno)


def _elifs(node: nodes.If) -> list[nodes.If]:
    return [node, *node.elif_]


def _targets(target: nodes.Node) -> Sequence[nodes.Node]:
    return target.items if isinstance(target, nodes.Tuple) else [target]


def _bind(scope: Scope, targets: Sequence[str], item: object) -> None:
    if len(targets) == 1:
        scope.names[targets[0]] = item
    elif isinstance(item, list | tuple) and len(item) == len(targets):
        scope.names.update(zip(targets, item, strict=True))
    else:
        raise TemplateError(f"{_kind(item)} cannot be taken apart into {len(targets)} names")


def _items(value: object) -> Sequence[object]:
    match value:
        case None:
            return ()
        case Mapping() | str():
            return list(value)
        case Sequence():
            return value
    raise TemplateError(f"cannot loop over {_kind(value)}")


def _lookup(owner: object, key: object) -> object:
    if isinstance(key, str) and key.startswith("_"):
        raise TemplateError(f"{key!r}: no name begins with an underscore")
    match owner:
        case None:
            return None
        case Mapping():
            return owner.get(key) if isinstance(key, str) else None
        case str() | Sequence() if isinstance(key, int):
            return owner[key] if -len(owner) <= key < len(owner) else None
    raise TemplateError(
        f"{_kind(owner)} has no {key!r}", hint="use a filter, such as {{ text | upper }}"
    )


def _weighed(scope: Scope, made: object) -> object:
    """Pay for all that a new list holds: lists of lists of lists could grow without an end."""
    left = [made]
    while left:
        scope.spend(1)
        match left.pop():
            case Mapping() as items:
                left += items.values()
            case list() | tuple() as items:
                left += items
    return made


def _range(scope: Scope, limits: Sequence[object]) -> object:
    numbers = [limit for limit in limits if isinstance(limit, int)]
    if len(numbers) != len(limits) or not 1 <= len(limits) <= 3:
        raise TemplateError("range needs one to three whole numbers")
    made = _try(range, *numbers)
    if not isinstance(made, range) or len(made) > RANGE:
        raise TemplateError(f"range makes at most {RANGE} numbers")
    return scope.pay(made)


def _try(work: Callable[..., object], *args: object, **named: object) -> object:
    try:
        return work(*args, **named)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise TemplateError(str(error)) from None


def _numbers(*values: object) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def _kind(value: object) -> str:
    names = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
    }
    return "nothing" if value is None else names.get(type(value), "a group of values")
