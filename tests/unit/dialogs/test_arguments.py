"""What a model wants to send, held against a schema."""

from typing import Any

import pytest

from dialogs.arguments import mistakes

SCHEMA = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "minLength": 2, "maxLength": 10},
        "guests": {"type": "integer", "minimum": 1, "maximum": 12},
        "kind": {"enum": ["in", "out"]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "maybe": {"type": ["number", "null"]},
        "sure": {"type": "boolean"},
        "odd": {"type": "something"},
        "free": True,
    },
    "required": ["day"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "value",
    [
        {"day": "monday"},
        {"day": "monday", "guests": 2, "kind": "in", "tags": ["a"], "maybe": None, "sure": True},
        {"day": "monday", "maybe": 1.5, "odd": {}, "free": 1},
    ],
)
def test_what_fits_is_fine(value: Any) -> None:
    assert list(mistakes(value, SCHEMA)) == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([], ["arguments must be of type object"]),
        ({}, ["arguments.day is missing"]),
        ({"day": 1}, ["arguments.day must be of type string"]),
        ({"day": "x"}, ["arguments.day breaks minLength 2"]),
        ({"day": "xx", "guests": 0}, ["arguments.guests breaks minimum 1"]),
        ({"day": "xx", "guests": 13}, ["arguments.guests breaks maximum 12"]),
        ({"day": "xx", "guests": True}, ["arguments.guests must be of type integer"]),
        ({"day": "xx", "kind": "up"}, ["arguments.kind must be one of in, out"]),
        ({"day": "xx", "tags": ["a", 1, "c"]},
         ["arguments.tags breaks maxItems 2", "arguments.tags[1] must be of type string"]),
        ({"day": "xx", "more": 1}, ["arguments.more is not known"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_worded_for_the_model(value: Any, found: list[str]) -> None:
    assert list(mistakes(value, SCHEMA)) == found


def test_a_schema_that_says_little_allows_much() -> None:
    assert list(mistakes({"a": [1]}, {})) == []
    assert list(mistakes({"a": 1}, {"properties": 5, "required": 5})) == []
