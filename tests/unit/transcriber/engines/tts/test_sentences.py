"""Texts are cut where a voice would breathe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.engines.tts.sentences import BREATH, FIRST, LONGEST, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("Hello there", ["Hello there"]),
        ("Hello! How are you? Fine.", ["Hello!", "How are you?", "Fine."]),
        ("He said «no.» Then he left…  Really?!", ["He said «no.»", "Then he left…", "Really?!"]),
        ("One line\nanother line\n\nand one", ["One line", "another line", "and one"]),
        ("Ask Dr. Smith, J. K. Rowling or Mr. X.", ["Ask Dr. Smith, J. K. Rowling or Mr. X."]),
        ("Am 3. Mai z.B. um 8. Bis dann.", ["Am 3. Mai z.B. um 8. Bis dann."]),
        ("It costs 3.50 at example.org now. Buy!", ["It costs 3.50 at example.org now.", "Buy!"]),
        ("see p. 5 of vol. ii for more.", ["see p. 5 of vol. ii for more."]),
        ("你好。你好吗？很好！", ["你好。", "你好吗？", "很好！"]),
    ],
)  # fmt: skip
def test_a_sentence_ends_where_it_ends(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_long_first_sentence_begins_at_its_first_pause() -> None:
    text = "As soon as the person at the desk is back from lunch, " + "they will call you, " * 4
    first, *rest = sentences(text.strip())
    assert first == "As soon as the person at the desk is back from lunch, they will call you,"
    assert BREATH <= len(first) <= FIRST
    assert " ".join([first, *rest]) == text.strip()


def test_a_first_sentence_without_a_good_pause_is_left_alone() -> None:
    text = "Well, " + "and so on " * 12
    assert sentences(text) == [text.strip()]


@pytest.mark.parametrize("joint", [" and, ", " ", ""])
def test_what_is_too_long_for_one_breath_is_cut_anyway(joint: str) -> None:
    text = joint.join(["something"] * 100)
    pieces = sentences(f"Yes. {text}")
    assert max(map(len, pieces)) <= LONGEST
    assert "".join("".join(pieces).split()) == "".join(f"Yes.{text}".split())


@given(st.text(alphabet="ab .,!?\n。3", max_size=600))
def test_nothing_is_lost_and_nothing_is_empty(text: str) -> None:
    pieces = sentences(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(piece.strip() == piece and 0 < len(piece) <= LONGEST for piece in pieces)
