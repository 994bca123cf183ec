"""The words of Go's templates."""

from typing import Any

import pytest

from dialogs.errors import TemplateError
from dialogs.gotokens import Cursor, literal


def words(source: str) -> list[tuple[str, str]]:
    cursor, found = Cursor(source), []
    while (token := cursor.next()).kind != "over":
        found.append((token.kind, token.text))
    return found


def test_text_and_braces_are_told_apart() -> None:
    assert words('a {{ .b.c "}}" | $x := 1 }} d') == [
        ("text", "a "),
        ("field", ".b"),
        ("field", ".c"),
        ("string", '"}}"'),
        ("sign", "|"),
        ("variable", "$x"),
        ("sign", ":="),
        ("number", "1"),
        ("end", "}}"),
        ("text", " d"),
    ]


def test_space_is_trimmed_and_comments_are_nothing() -> None:
    assert words("a {{- 1 -}} b {{- /* x */ -}} c {{/* y */}} d") == [
        ("text", "a"),
        ("number", "1"),
        ("end", "-}}"),
        ("text", "b"),
        ("text", "c "),
        ("text", " d"),
    ]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('"a\\n\\x41\\u20ac\\101\\""', 'a\nA€A"'),
        ("`raw \\n`", "raw \\n"),
        ("'a'", 97),
        ("'\\n'", 10),
        ("1_000", 1000),
        ("0x1F", 31),
        ("-2.5e1", -25.0),
    ],
)
def test_values_are_read(source: str, value: Any) -> None:
    cursor = Cursor("{{ " + source + " }}")
    cursor.next()
    assert literal(cursor.next()) == value


@pytest.mark.parametrize("number", ["1e999", "0x" + "f" * 40, "9" * 400])
def test_numbers_have_an_end(number: str) -> None:
    cursor = Cursor("{{ " + number + " }}")
    cursor.next()
    with pytest.raises(TemplateError, match="too large"):
        literal(cursor.next())


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [("a\n{{ ! }}", "'!' is not expected", 2), ("{{ 1", "never closed", 1)],
)
def test_what_is_no_word_is_told_with_its_line(source: str, message: str, line: int) -> None:
    with pytest.raises(TemplateError, match=message) as caught:
        Cursor(source)
    assert caught.value.line == line


def test_declarations_are_seen_ahead() -> None:
    def at(source: str) -> Cursor:
        cursor = Cursor("{{ " + source + " }}")
        cursor.next()
        return cursor

    assert at("$x := 1").declaration() == "$x"
    assert at("$x").declaration() == ""
    assert at("$i, $v := .x").declarations() == ("$i", "$v")
    assert at("$v := .x").declarations() == ("$v",)
    assert at(".x").declarations() == ("", "")
    with pytest.raises(TemplateError, match="set again"):
        at("$x = 1").declaration()


def test_a_word_can_be_put_back_and_must_be_the_expected_one() -> None:
    cursor = Cursor("{{ 1 }}")
    assert cursor.expect("text").text == ""
    assert cursor.next().text == "1"
    cursor.back()
    assert cursor.peek().text == "1"
    with pytest.raises(TemplateError, match="'1' is not expected here"):
        cursor.expect("end")
