"""What Go's functions make of values; every answer here is Go's own."""

import math
from typing import Any

import pytest

from dialogs.errors import TemplateError
from dialogs.gofunctions import FUNCTIONS, Rune, Strings, field_of, text_of
from tests.unit.dialogs.gocases import CASES, run_case

CALLS = [case for case in CASES if any(name in case["template"] for name in FUNCTIONS)]


def test_functions_answer_what_go_answered() -> None:
    answered = 0
    for case in CASES:
        try:
            assert run_case(case) == case.get("text"), case
            answered += 1
        except TemplateError:
            assert "error" in case, case
    assert answered > len(CALLS) / 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
        (-1.5e-7, "-1.5e-07"),
        (0.0, "0"),
        (Rune(65), "65"),
        (Strings(b="2", a="1"), "map[a:1 b:2]"),
        (None, "<no value>"),
    ],
)
def test_values_are_printed_as_go_prints_them(value: Any, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize("value", ["text", 5, [1], ()])
def test_what_is_no_map_has_no_fields(value: Any) -> None:
    with pytest.raises(TemplateError, match="has no field"):
        field_of(value, "x")


def test_nothing_has_nothing() -> None:
    assert field_of(None, "x") is None


@pytest.mark.parametrize("verb", ["%101d", "%.101f"])
def test_a_verb_writes_only_so_much(verb: str) -> None:
    with pytest.raises(TemplateError, match="at most 100 characters"):
        FUNCTIONS["printf"](verb, 1.5)


def test_maps_of_anything_are_told_from_maps_of_texts() -> None:
    assert FUNCTIONS["printf"]("%T %T", {"a": 1}, Strings()) == (
        "map[string]interface {} map[string]string"
    )
