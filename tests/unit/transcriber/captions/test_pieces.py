"""Only what is sure is shown, and each word once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transcriber.captions.pieces import Pieces

WORDS = st.lists(st.sampled_from(["he", "said", "yes", "no"]), max_size=6).map(" ".join)


def test_two_guesses_that_agree_make_words_sure() -> None:
    words = Pieces()
    assert words.guess("he") == ""
    assert words.guess("he said") == "he"
    assert words.guess("he said yes") == "said"
    assert words.finish("he said yes now") == "yes now"


def test_what_was_shown_is_never_shown_again() -> None:
    words = Pieces()
    words.guess("he said")
    assert words.guess("he said no") == "he said"
    assert words.guess("she") == ""
    assert words.guess("she says no more") == ""
    assert words.finish("she says no more") == "no more"


def test_each_sentence_begins_anew() -> None:
    words = Pieces()
    assert words.finish("one") == "one"
    assert words.guess("one") == ""
    assert words.finish("one") == "one"


def test_languages_without_spaces_grow_by_characters() -> None:
    words = Pieces("")
    words.guess("今日")
    assert words.guess("今日は") == "今日"
    assert words.finish("今日は晴れ") == "は晴れ"


@given(st.lists(WORDS, max_size=8), WORDS)
def test_as_many_words_are_shown_as_the_longest_that_was_sure(
    guesses: list[str], last: str
) -> None:
    words = Pieces()
    shown = [*map(words.guess, guesses), words.finish(last)]
    count = sum(len(text.split()) for text in shown)
    longest = max(len(text.split()) for text in [*guesses, last])
    assert len(last.split()) <= count <= longest
