"""What filters and tests make of values of every kind."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.errors import TemplateError
from dialogs.filters import FILTERS, TESTS, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        ("ä", "ä"),
        (2.5, "2.5"),
        (range(2), "[0, 1]"),
        (["a", None], '["a", null]'),
        ({"k": 1}, '{"k": 1}'),
    ],
)
def test_a_value_is_written_as_flows_expect(value: Any, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("name", "args", "result"),
    [
        ("abs", [-3], 3),
        ("abs", ["-2.5"], 2.5),
        ("capitalize", ["hello you"], "Hello you"),
        ("count", [[1, 2]], 2),
        ("default", [None, "x"], "x"),
        ("default", ["", "x"], "x"),
        ("default", [0, "x"], 0),
        ("default", [0, "x", True], "x"),
        ("digits", ["a1-b2"], "12"),
        ("first", [[1, 2]], 1),
        ("first", [None], None),
        ("float", ["1.5"], 1.5),
        ("float", ["x", 2.0], 2.0),
        ("int", ["7.9"], 7),
        ("int", ["x"], 0),
        ("int", ["1e999", 3], 3),
        ("join", [["a", 1], "-"], "a-1"),
        ("last", ["abc"], "c"),
        ("last", [[]], None),
        ("list", ["ab"], ["a", "b"]),
        ("lower", ["AB"], "ab"),
        ("max", [[1, 3, 2]], 3),
        ("min", [[]], None),
        ("replace", ["a-b", "-", "+"], "a+b"),
        ("reverse", ["abc"], ["c", "b", "a"]),
        ("round", ["2.567", 1], 2.6),
        ("sort", [[2, 1]], [1, 2]),
        ("spell", ["A1"], "A 1"),
        ("string", [1.5], "1.5"),
        ("sum", [[1, "2"]], 3),
        ("title", ["a b"], "A B"),
        ("tojson", [{"a": None}], '{"a": null}'),
        ("trim", ["  a "], "a"),
        ("truncate", ["abcdefgh", 5], "ab..."),
        ("truncate", ["abc", 5], "abc"),
        ("upper", ["ß"], "SS"),
        ("urlencode", ["a b/ä"], "a%20b%2F%C3%A4"),
        ("wordcount", ["two words"], 2),
    ],
)
def test_a_filter_does_what_its_name_says(name: str, args: list[Any], result: Any) -> None:
    assert FILTERS[name](*args) == result


@pytest.mark.parametrize(
    ("name", "args", "result"),
    [
        ("boolean", [True], True),
        ("defined", [None], False),
        ("divisibleby", [6, 3], True),
        ("empty", [[]], True),
        ("even", [4], True),
        ("mapping", [{}], True),
        ("none", [None], True),
        ("number", [True], False),
        ("number", [1.5], True),
        ("odd", [4], False),
        ("sequence", [[1]], True),
        ("string", ["x"], True),
        ("undefined", [None], True),
    ],
)
def test_a_test_tests_what_its_name_says(name: str, args: list[Any], result: bool) -> None:
    assert TESTS[name](*args) is result


@pytest.mark.parametrize(
    ("name", "args"), [("even", ["%9999d"]), ("list", [5]), ("divisibleby", ["%9999d", 1])]
)
def test_what_makes_no_sense_is_refused(name: str, args: list[Any]) -> None:
    with pytest.raises(TypeError):
        (FILTERS | TESTS)[name](*args)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "args"),
    [("join", [["a"] * 100, "x" * 1000]), ("replace", ["x" * 1000, "x", "y" * 1000])],
)
def test_a_text_does_not_grow_without_an_end(name: str, args: list[Any]) -> None:
    with pytest.raises(TemplateError, match="too long"):
        FILTERS[name](*args)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(FILTERS)), st.lists(JSON, min_size=1, max_size=3))
def test_a_filter_answers_or_refuses_whatever_it_gets(name: str, args: list[Any]) -> None:
    with suppress(TypeError, ValueError, ArithmeticError, TemplateError):
        FILTERS[name](*args)
