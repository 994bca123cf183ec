"""Numbers as people say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.captions.numbers import (
    TENS,
    UNITS,
    begins_number,
    digits,
    is_number,
    written,
)
from transcriber.engines.stt.base import Word


def write(text: str, language: str = "en") -> str:
    words = [Word(word, n, n + 1, 0.5) for n, word in enumerate(text.split())]
    return " ".join(word.text for word in written(words, language))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("twenty three people", "23 people"),
        ("in nineteen eighty four, we", "in 1984, we"),
        ("nineteen oh four", "1904"),
        ("twenty twenty six", "2026"),
        ("two thousand and nineteen", "2019"),
        ("two hundred and five, and six", "205, and six"),
        ("one hundred twenty three thousand four hundred fifty six", "123,456"),
        ("ten million two hundred", "10,000,200"),
        ("Seven hundred thousand and", "700,000 and"),
        ("four one two", "412"),
        ("three point one four", "3.14"),
        ("twelve point five percent", "12.5 percent"),
        ("nineteen eighty", "1980"),
        ("nineteen hundred", "1900"),
    ],
)
def test_numbers_are_written_as_digits(said: str, read: str) -> None:
    assert write(said) == read


@pytest.mark.parametrize(
    "said",
    [
        "this one", "five or six", "one two", "twenty first", "twenty and thirty", "point five",
        "forty forty forty", "five hundred two hundred", "hundred people", "three point", "zero",
        "twenty five hundred thousand hundred", "one hundred hundred", "one thousand thousand",
        "nineteen five", "nineteen oh ten", "nineteen twenty eleven", "one hundred zero",
        "forty forty point one", "three point twenty hundred thousand",
    ],
)  # fmt: skip
def test_what_is_better_read_as_words_stays(said: str) -> None:
    assert write(said) == said


def test_other_languages_stay_as_they_are() -> None:
    assert write("dreiundzwanzig vier eins zwei", "de") == "dreiundzwanzig vier eins zwei"


def test_a_number_takes_the_time_and_the_doubt_of_its_words() -> None:
    words = (Word("twenty", 1, 2, 0.9), Word("three.", 2, 3, 0.4, estimated=True))
    assert written(words, "en") == (Word("23.", 1, 3, 0.4, estimated=True),)
    assert written((Word("twenty", 1, 2),), "en")[0].confidence is None


def test_digits_are_known_in_several_languages() -> None:
    assert [digits("four", "en"), digits("vier", "de-AT"), digits("quatre", "fr")] == ["4"] * 3
    assert digits("four", "de") == ""
    assert digits("oh", "xx") == "0"


def test_words_that_may_go_on_as_a_number_are_known() -> None:
    assert is_number("twenty", "en")
    assert is_number("point", "en")
    assert is_number("acht", "de")
    assert not is_number("people", "en")


def test_the_beginning_of_a_number_word_is_known() -> None:
    assert begins_number("sev", "en")
    assert begins_number("doub", "en")
    assert begins_number("zw", "de")
    assert not begins_number("people", "en")


@given(st.integers(0, 10**9))
def test_every_number_that_is_said_is_read(value: int) -> None:
    said = spelled(value)
    expected = f"{value:,}" if value >= 10_000 else str(value)
    assert write(said) == (said if value < 10 else expected)


def spelled(value: int) -> str:
    for size, name in (
        (10**9, "billion"),
        (10**6, "million"),
        (1_000, "thousand"),
        (100, "hundred"),
    ):
        if value >= size:
            rest = f" {spelled(value % size)}" if value % size else ""
            return f"{spelled(value // size)} {name}{rest}"
    if value < 20:
        return UNITS.split()[value]
    rest = f" {UNITS.split()[value % 10]}" if value % 10 else ""
    return f"{TENS.split()[value // 10 - 2]}{rest}"


@given(
    st.lists(
        st.sampled_from(
            [*UNITS.split(), "twenty", "hundred", "thousand", "and", "point", "oh", "cats", "third"]
        )
    )
)
def test_any_row_of_number_words_is_written_somehow(said: list[str]) -> None:
    assert len(write(" ".join(said)).split()) <= len(said)
