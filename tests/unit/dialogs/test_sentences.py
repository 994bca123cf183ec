"""A text that is still being written, in pieces that can be said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.sentences import LONGEST, Sentences


def cut(*pieces: str) -> list[str]:
    sentences = Sentences()
    found = [one for piece in pieces for one in sentences.push(piece)]
    return [*found, rest] if (rest := sentences.flush()) else found


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello there. How are you? Fine!", ["Hello there.", "How are you?", "Fine!"]),
        ("Dr. Who costs 3.50 euros. Yes.", ["Dr. Who costs 3.50 euros.", "Yes."]),
        ("J. Doe said (twice.) And left", ["J. Doe said (twice.)", "And left"]),
        ("one\ntwo", ["one", "two"]),
        ("**Bold** and `code`\n- item", ["Bold and code", "item"]),
        ("\u4f60\u597d\u3002\u518d\u89c1", ["\u4f60\u597d\u3002", "\u518d\u89c1"]),
        ("Wait... what", ["Wait...", "what"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_a_piece_ends_where_a_sentence_does(text: str, pieces: list[str]) -> None:
    assert cut(text) == pieces
    assert cut(*text) == pieces


def test_the_first_piece_may_end_at_a_late_comma() -> None:
    text = "Well, " + "word " * 12 + "here, and " + "word " * 20 + "here, and more"
    assert cut(text)[0].endswith("here,")
    assert len(cut(text)) == 2


def test_a_sentence_without_an_end_is_cut_at_a_word() -> None:
    assert all(len(piece) <= LONGEST for piece in cut("word " * 200))
    assert [len(piece) for piece in cut("x" * 700)] == [300, 300, 100]


@given(st.lists(st.text(max_size=30), max_size=10))
def test_no_word_is_lost(pieces: list[str]) -> None:
    letters = "".join(cut(*pieces)).replace(" ", "")
    whole = "".join("".join(pieces).split())
    assert sorted(set(letters)) == sorted(set(letters) & set(whole))
    plain = "".join(letter for letter in whole if letter.isalnum())
    assert plain == "".join(letter for letter in letters if letter.isalnum())
