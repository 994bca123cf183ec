"""The part of jinja that flows have."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs import jinja
from dialogs.errors import TemplateError
from dialogs.program import Scope, run_all

NAMES: dict[str, Any] = {
    "a": "text",
    "n": 5,
    "l": ["x", "y"],
    "m": {"k": "v", "deep": {"z": 1}},
    "none": None,
    "odd": object(),
}


def run(source: str) -> str:
    scope = Scope(NAMES)
    run_all(jinja.read(source, NAMES).steps, scope)
    return "".join(scope.output)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ a }} and {{ n }}", "text and 5"),
        ("{{ m.k }}{{ m['k'] }}{{ m.deep.z }}", "vv1"),
        ("{{ m.nope }}{{ m.nope.more }}{{ m[1] }}{{ none.x }}", ""),
        ("{{ l[0] }}{{ l[-1] }}{{ l[9] }}{{ a[1] }}", "xye"),
        ("{{ n + 1 }} {{ n - 1 }} {{ n * 2 }} {{ n / 2 }} {{ n // 2 }}", "6 4 10 2.5 2"),
        ("{{ -n }} {{ 'a' + a }} {{ a ~ n ~ none }}", "-5 atext text5"),
        ("{{ n == 5 }} {{ n != 5 }} {{ 1 < n <= 5 }} {{ 9 < n < 99 }}", "true false true false"),
        ("{{ n > 4 and n >= 5 }} {{ 0 or 'x' }} {{ not n }}", "true x false"),
        ("{{ 'x' in l }} {{ 'q' not in l }} {{ 'k' in m }}", "true true true"),
        ("{{ 'yes' if n else 'no' }} {{ 'yes' if none }}", "yes "),
        ("{% if none %}1{% elif n %}2{% else %}3{% endif %}", "2"),
        ("{% if none %}1{% elif none %}2{% else %}3{% endif %}", "3"),
        ("{% for x in l %}{{ loop.index }}{{ x }}{{ loop.first }} {% endfor %}", "1xtrue 2yfalse "),
        ("{% for x in none %}x{% else %}empty{% endfor %}", "empty"),
        ("{% for x in l if x == 'y' %}{{ x }}{% endfor %}", "y"),
        ("{% for k in m %}{{ k }} {% endfor %}", "k deep "),
        ("{% for i, x in [[1, 'a'], [2, 'b']] %}{{ i }}{{ x }}{% endfor %}", "1a2b"),
        ("{% for c in a %}{{ c }}.{% endfor %}", "t.e.x.t."),
        ("{% set q = n + 1 %}{{ q }}", "6"),
        ("{% for x in l %}{% set n = x %}{% endfor %}{{ n }}", "5"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}{{ range(1, 7, 3) }}", "012[1, 4]"),
        ("{{ {'b': 1, 'c': [n]} }} {{ (1, 'x') }}", '{"b": 1, "c": [5]} [1, "x"]'),
        ("{{ a | upper | trim }} {{ none | default('-') }}", "TEXT -"),
        ("{{ a is defined }} {{ m.x is undefined }} {{ n is divisibleby 5 }}", "true true true"),
        ("{{ a is not none }}", "true"),
        ("{% raw %}{{ x }}{% endraw %}{# note #}", "{{ x }}"),
        ("a\n{%- if n %} b {%- endif %}\n", "a b\n"),
    ],
)  # fmt: skip
def test_what_templates_can_do(source: str, text: str) -> None:
    assert run(source) == text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ a.upper() }}", "use a filter, such as"),
        ("{{ a.upper }}", "a text has no 'upper'; use a filter"),
        ("{{ b }}", "there is no 'b' here; there is a, l, m, n"),
        ("{{ a | uper }}", "did you mean 'upper'"),
        ("{{ a is strin }}", "did you mean 'string'"),
        ("{% for _x in l %}{% endfor %}", "underscore"),
        ("{% filter upper %}{% endfilter %}", "filter each value"),
        ("{{ a + 1 }}", "'\\+' needs two numbers, not a text and a number; .* a ~ b joins"),
        ("{{ none * n }}", "not nothing and a number"),
        ("{{ l - m }}", "not a list and a group of values"),
        ("{{ n ** 2 }}", "multiply instead"),
        ("{{ l[0:1] }}", "take one item"),
        ("{{ n / 0 }}", "division by zero"),
        ("{{ n < a }}", "not supported"),
        ("{{ -a }}", "bad operand"),
        ("{{ 1 in n }}", "not iterable"),
        ("{{ m[odd] }}{{ odd.x }}", "a group of values has no 'x'"),
        ("{% set a, b = l %}", "one name at a time"),
        ("{% for x, y in l %}{% endfor %}", "cannot be taken apart into 2 names"),
        ("{% for x in n %}{% endfor %}", "cannot loop over a number"),
        ("{% for x in l recursive %}{% endfor %}", "cannot call itself"),
        ("{% for m.x in l %}{% endfor %}", "."),
        ("{% for a, (b, c) in l %}{% endfor %}", "'Tuple' cannot be used"),
        ("{% filter upper %}a{% endfilter %}", "filter each value"),
        ("{% macro x() %}{% endmacro %}", "no macros"),
        ("{{ a | default(*l) }}", "one by one"),
        ("{{ range('a') }}", "whole numbers"),
        ("{{ range(5000) }}", "at most 1000"),
        ("{{ range(1, 2, 0) }}", "must not be zero"),
        ("{{ m._x }}", "underscore"),
        ("{{ m['_' ~ 'x'] }}", "underscore"),
        ("{{ " + "(" * 2000, "too deep"),
        ("{{ " + "not " * 40 + "n }}", "too many levels"),
        ("{{", "unexpected"),
        ("{{ n * 9999999999999999999 }}", "too large"),
        ("{{ [l, [l, l]] | tojson(1) }}", "argument"),
    ],
)  # fmt: skip
def test_what_they_cannot_do_is_told_with_a_hint(source: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        run(source)


def test_the_line_of_a_mistake_is_told() -> None:
    with pytest.raises(TemplateError) as caught:
        jinja.read("one\ntwo {{ nope }}", NAMES)
    assert caught.value.line == 2


def test_one_expression_has_a_value() -> None:
    program = jinja.read("{{ l }}", NAMES)
    assert program.value is not None
    assert program.value(Scope(NAMES)) == ["x", "y"]
    assert jinja.read("{{ l }}.", NAMES).value is None


PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    "if",
    "for",
    "x",
    "in",
    "l",
    "a",
    "n",
    "|",
    "upper",
    "+",
    "-",
    "set",
    "=",
]
PIECES += [
    "endif",
    "endfor",
    "(",
    ")",
    "[",
    "]",
    ".",
    "k",
    "m",
    "1",
    "'s'",
    "is",
    "~",
    "range",
    "not",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_anything_is_run_or_refused(pieces: list[str]) -> None:
    with suppress(TemplateError):
        assert isinstance(run(" ".join(pieces)), str)
