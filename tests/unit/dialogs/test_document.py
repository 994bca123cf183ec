"""YAML as a tree with lines, and an end to it."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.document import Unreadable, plain, read

A, B = {"k": "v"}, {"m": "w"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [2.5, true, ~, 'no', \"3\"]", {"a": 1, "b": [2.5, True, None, "no", "3"]}),
        ("", None),
        ("text", "text"),
        ("- -1\n- +5\n- 1_000\n- 1.2.3\n- False", [-1, 5, "1_000", "1.2.3", False]),
        ("a: &x {k: v}\nb: *x", {"a": {"k": "v"}, "b": {"k": "v"}}),
        ("- &x {k: v, l: w}\n- {<<: *x, k: o}", [{"k": "v", "l": "w"}, {"k": "o", "l": "w"}]),
        ("- &x {k: v}\n- &y {m: w}\n- {<<: [*x, *y]}", [A, B, A | B]),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("~: x", {"": "x"}),
    ],
)  # fmt: skip
def test_what_is_in_a_file(text: str, value: Any) -> None:
    assert plain(read(text)) == value


def test_lines_are_remembered() -> None:
    node = read("a: 1\nb:\n  - x\n  - y: z\n")
    assert node.lines == {"a": 1, "b": 2}
    assert [item.line for item in node.entries["b"].items] == [3, 4]


def test_a_key_that_is_there_twice_is_remembered() -> None:
    assert read("a: 1\na: 2\n").repeated == [("a", 2)]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: [", 2, "."),
        ("a: b: c", 1, "mapping values are not allowed"),
        ("a\x00b", 0, "is no YAML"),
        ("a: *x", 1, "stands for nothing"),
        ("a: &x [*x]", 1, "stands for nothing"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("? [a]\n: b", 1, "a key that is no text"),
        ("[" * 40, 1, "more than 32 levels"),
        ("x: " + "y" * 300_000, 0, "larger than 256 KiB"),
        ("[" + "a," * 20_001 + "]", 1, "more than 10000 values"),
        ("a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
            f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}]\n"
            for old, new in zip("abcdefgh", "bcdefghi", strict=True)), 5, "more than 10000 values"),
        ("a: &x " + "{k: " * 31 + "v" + "}" * 31 + "\nb: *x\n" * 0 + "\n? b\n: - {x: {", 4, "."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(Unreadable, match=problem) as caught:
        read(text)
    assert caught.value.line == line


@given(st.text(alphabet="abc:-[]{}&*!|>'\"\n #,?~<%@`1", max_size=60))
def test_anything_is_read_or_refused(text: str) -> None:
    with suppress(Unreadable):
        plain(read(text))
