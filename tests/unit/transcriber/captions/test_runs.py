"""Digits that belong together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.captions.runs import GAP, open_number, runs, without_begun


def found(text: str, language: str = "en") -> list[str]:
    return [run.digits for run in runs(text, language)]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("card 4111 1111-1111.1111 now", ["4111111111111111"]),
        ("four one one one", ["4111"]),
        ("double five triple seven oh", ["557770"]),
        ("forty one, twenty uh nineteen ten", ["41201910"]),
        ("fifty-one thirty eleven", ["513011"]),
        ("eight hundred five five", ["80055"]),
        ("hundred times", []),
        ("+49 (30) 12", ["493012"]),
        ("plus four nine", ["49"]),
        ("12 people and 13 cats", ["12", "13"]),
        ("\uff14\uff11 22", ["4122"]),
        ("AB12 5G 21st 4111x", []),
        ("card4111111111 x", ["4111111111"]),
        ("4111111x", ["4111111"]),
        ("\u756a\u53f7\u306f4111\u3067\u3059", ["4111"]),
        ("12 + 13", ["12", "13"]),
        ("room 12: 13", ["12", "13"]),
    ],
)
def test_digits_are_gathered(text: str, digits: list[str]) -> None:
    assert found(text) == digits


@pytest.mark.parametrize(
    "text",
    [
        "$4,500.50", "€ 12", "25%", "12.5 %", "1,000,000", "1.000.000", "2024-05-17", "17.05.2024",
        "5/17/24", "10:30", "10:30:59", "192.168.1.255", "3.14159", "12 €",
    ],
)  # fmt: skip
def test_amounts_dates_and_times_are_no_part_of_a_number(text: str) -> None:
    assert found(f"room 555 has {text} or 1234") == ["555", "1234"]


@pytest.mark.parametrize("text", ["01.23.45.67.89", "555.123.4567", "0.123.456"])
def test_what_only_begins_like_one_is(text: str) -> None:
    assert found(text) == ["".join(c for c in text if c.isdecimal())]


def test_digits_of_other_languages_are_words_there() -> None:
    assert found("vier eins eins", "de") == ["411"]
    assert found("vier eins eins", "en") == []


def test_fillers_stand_between_but_not_for_ever() -> None:
    assert found("4 uh 1") == ["41"]
    assert found("4 " + "uh " * (GAP + 1) + "1") == ["4", "1"]
    assert found("uh um uh um uh four") == ["4"]


def test_quantities_are_told_apart() -> None:
    assert [run.amount for run in runs("two hundred thousand and 5", "en")] == [True, False]
    assert [run.amount for run in runs("three point one four", "en")] == [False, True]


def test_a_run_knows_its_groups_and_what_stands_between() -> None:
    (run,) = runs("call (212) 555 one two, 3", "en")
    assert run.groups == ["212", "555", "12", "3"]
    assert run.gaps == [") ", " ", " ", ", "]
    assert (run.text[run.start : run.end], run.plus, run.spoken) == (
        "(212) 555 one two, 3", False, False,
    )  # fmt: skip


def test_a_plus_sign_belongs_to_it() -> None:
    (run,) = runs("at + (49) 30", "en")
    assert run.plus
    assert run.text[run.start : run.end] == "+ (49) 30"


def test_digits_one_by_one_count_as_spoken_however_they_are_written() -> None:
    assert [run.spoken for run in runs("4 1 1 people 41 1", "en")] == [True, False]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("my card is 4111 11", "my card is"),
        ("my card is 4111, uh", "my card is"),
        ("call me at + (49", "call me at"),
        ("call me at (2", "call me at"),
        ("call double", "call"),
        ("call plus", "call"),
        ("it was 12 people", "it was 12 people"),
        ("so, uh", "so, uh"),
        ("", ""),
        ("in 1.000", "in"),
    ],
)
def test_a_number_at_the_end_may_go_on(text: str, shown: str) -> None:
    assert text[: open_number(text, "en")].rstrip() == shown


def test_a_number_word_may_be_cut_off() -> None:
    assert without_begun("four on", "en") == "four"
    assert without_begun("four people", "en") == "four people"
    assert without_begun("four ", "en") == "four "


@given(st.text("0123456789+-., ()ab€:", max_size=40))
def test_no_digit_outside_of_a_number_is_in_a_run(text: str) -> None:
    for run in runs(text, "en"):
        part = text[run.start : run.end]
        assert run.digits == "".join(c for c in part if c.isdecimal())
        assert 0 <= run.start < run.end <= len(text)


@given(st.text("0123456789 -uh", max_size=30), st.text("0123456789 -uh", max_size=30))
def test_what_is_held_back_is_enough(text: str, more: str) -> None:
    """Whatever comes, no run of the longer text reaches into what was shown of the shorter."""
    cut = open_number(text, "en")
    for run in runs(text[: len(text)] + more, "en"):
        assert not (run.start < cut < len(text) < run.end)
