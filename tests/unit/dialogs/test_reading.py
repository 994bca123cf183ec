"""Durations, numbers and the like, one at a time; how they come together is in `test_schema`."""

import pytest

from dialogs.document import Node
from dialogs.reading import Reader, seconds


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15s", 15),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("2us", 2e-6),
        ("15", None),
        ("", None),
        ("s", None),
        ("15 s", None),
        ("-5s", None),
        ("1d", None),
    ],
)
def test_durations_are_those_of_go(text: str, length: float | None) -> None:
    assert seconds(text) == length


def text(value: str) -> Node:
    return Node("text", 7, text=value)


@pytest.mark.parametrize(
    ("method", "value", "read"),
    [
        ("text", "x", "x"),
        ("flag", "true", True),
        ("flag", "False", False),
        ("duration", "2s", 2.0),
        ("duration", "", 0.0),
        ("number", "2.5", 2.5),
        ("number", "3", 3),
    ],
)
def test_a_value_is_read(method: str, value: str, read: object) -> None:
    reader = Reader("f")
    assert getattr(reader, method)(text(value), "here") == read
    assert reader.problems == []


@pytest.mark.parametrize(
    ("method", "value", "message"),
    [
        ("text", Node("list", 7), "f:7: error: here: must be a text (not a list)"),
        ("flag", text("maybe"), "f:7: error: here: must be true or false"),
        ("duration", text("15"), "'15' is not a duration (write 15s, 1m30s or 500ms)"),
        ("duration", text("0s"), "must be more than nothing and at most 24h"),
        ("duration", text("25h"), "must be more than nothing and at most 24h"),
        ("duration", Node("map", 7), "'' is not a duration"),
        ("number", text("-1"), "must be a number, 0 or more"),
        ("number", text("true"), "must be a number, 0 or more"),
        ("number", text("x"), "must be a number, 0 or more"),
        ("number", text("1e12"), "must be a number, 0 or more"),
        ("template", text("{{ varables.x }}"), "there is no 'varables' here (did you mean"),
    ],
)
def test_a_mistake_is_noted_and_reading_goes_on(method: str, value: Node, message: str) -> None:
    reader = Reader("f")
    getattr(reader, method)(value, "here")
    assert message in str(reader.problems[0])


def test_a_whole_number_has_no_fraction() -> None:
    reader = Reader("f")
    assert reader.number(text("2.5"), "here", whole=True) == 0
    assert "must be a whole number" in str(reader.problems[0])


def test_a_choice_is_one_of_a_few() -> None:
    reader = Reader("f")
    assert reader.choice(text("b"), "here", ("a", "b")) == "b"
    reader.choice(text("beerer"), "here", ("none", "bearer"))
    assert "did you mean 'bearer'?" in str(reader.problems[0])


def test_a_list_is_no_map_and_a_map_no_list() -> None:
    reader = Reader("f")
    assert reader.each(text("x"), "list", reader.text) == ()
    assert reader.named(text("x"), "map", lambda node, where, name: name) == {}
    assert reader.fields(text("x"), "fields", ("a",)) == {}
    assert [problem.key for problem in reader.problems] == ["list", "map", "fields"]


def a_map(**entries: Node) -> Node:
    return Node("map", 7, entries=entries, lines=dict.fromkeys(entries, 8), repeated=[("a", 9)])


def test_fields_are_known_there_once_and_there_at_all() -> None:
    reader = Reader("f")
    node = a_map(a=text("1"), aa=text("2"), c=Node("nothing", 7))
    assert list(reader.fields(node, "here", ("a", "b", "c"), ("b",))) == ["a", "aa"]
    assert [str(problem) for problem in reader.problems] == [
        "f:9: error: here.a: is there twice (remove one of them)",
        "f:8: error: here.aa: is not a known key (did you mean 'a'?)",
        "f:7: error: here.b: is missing",
    ]


def test_keys_of_the_author_are_left_alone() -> None:
    reader = Reader("f")
    reader.fields(Node("map", 7, entries={"x-note": text("1")}, lines={"x-note": 7}), "", ("a",))
    reader.fields(Node("map", 7, entries={"a": text("1")}, lines={"a": 7}), "", ("a",), ("a",))
    assert reader.problems == []


def test_named_things_and_lists_are_read_one_by_one() -> None:
    reader = Reader("f")
    names = reader.named(a_map(a=text("1")), "here", lambda node, where, name: (where, name))
    assert names == {"a": ("here.a", "a")}
    assert "is there twice" in str(reader.problems[0])
    items = Node("list", 7, items=[text("x"), text("y")])
    assert reader.each(items, "here", lambda node, where: where) == ("here[0]", "here[1]")


def test_what_is_not_there_is_empty() -> None:
    reader = Reader("f")
    assert reader.each(None, "list", reader.text) == ()
    assert reader.named(None, "map", lambda node, where, name: name) == {}
    assert reader.problems == []
