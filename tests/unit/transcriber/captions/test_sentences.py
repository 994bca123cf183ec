"""Sentences, capitals, full stops, lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.captions.sentences import LINE, capitalised, ends, finished, pieces, wrapped
from transcriber.captions.words import text_of
from transcriber.engines.stt.base import Word


def words(text: str) -> tuple[Word, ...]:
    return tuple(Word(word, n, n + 1) for n, word in enumerate(text.split()))


@pytest.mark.parametrize("word", ["end.", "really?", "no!", "so…", 'said."', "です。"])
def test_a_sentence_ends(word: str) -> None:
    assert ends(word)


@pytest.mark.parametrize("word", ["Mr.", "e.g.", "J.", "3.5", "word", "but,", "bzw."])
def test_a_sentence_goes_on(word: str) -> None:
    assert not ends(word)


def test_sentences_begin_with_a_capital() -> None:
    text = text_of(capitalised(words("hello there. how are you"), "en"), "en")
    assert text == "Hello there. How are you"


def test_english_writes_some_words_with_a_capital_everywhere() -> None:
    text = text_of(capitalised(words("so i think i'm here on monday, in (july)"), "en-GB"), "en")
    assert text == "So I think I'm here on Monday, in (July)"
    assert text_of(capitalised(words("so i monday"), "nl"), "nl") == "So i monday"


@pytest.mark.parametrize(
    ("said", "language", "read"),
    [
        ("we are done", "en", "we are done."),
        ("are you done", "en", "are you done?"),
        ("will power helps", "en", "will power helps."),
        ("what is it", "en", "what is it?"),
        ("what", "en", "what."),
        ("wo ist er", "de-DE", "wo ist er?"),
        ("ist es hier", "de", "ist es hier."),
        ("done already!", "en", "done already!"),
        ("first of all,", "en", "first of all,"),
        ("good", "xx", "good."),
    ],
)
def test_an_utterance_gets_the_mark_it_lacks(said: str, language: str, read: str) -> None:
    assert text_of(finished(words(said), language), language) == read


def test_each_script_has_its_own_full_stop() -> None:
    assert finished(words("です"), "ja")[-1].text == "です。"
    assert finished((), "ja") == ()


def texts(text: str, limit: int) -> list[str]:
    return [text_of(piece, "en") for piece in pieces(words(text), "en", limit=limit)]


def test_a_short_utterance_is_one_caption() -> None:
    assert texts("He left.", 40) == ["He left."]


def test_a_caption_ends_with_a_sentence_if_one_ends_late_enough() -> None:
    assert texts("No. He did leave at noon. Then she came back.", 30) == [
        "No. He did leave at noon.", "Then she came back.",
    ]  # fmt: skip


def test_otherwise_at_a_comma_or_where_it_is_full() -> None:
    assert texts("when he had left at noon, she came back", 30)[0] == "when he had left at noon,"
    assert texts("one two three four five six", 14) == ["one two three", "four five six"]


def test_a_word_that_is_too_long_stays_whole() -> None:
    assert texts("a extraordinarily b", 5) == ["a", "extraordinarily", "b"]


def test_lines_are_about_as_long_as_each_other() -> None:
    text = wrapped("It was the best of times, it was the worst of times.")
    assert text == "It was the best of times,\nit was the worst of times."


def test_what_cannot_be_broken_is_not() -> None:
    assert wrapped("a" * 100) == "a" * 100
    assert wrapped("short") == "short"


@given(st.lists(st.text("abc.,", min_size=1, max_size=9), max_size=40), st.integers(1, 60))
def test_captions_hold_every_word_and_no_more_than_fits(said: list[str], limit: int) -> None:
    found = list(pieces(words(" ".join(said)), "en", limit=limit))
    assert [word.text for piece in found for word in piece] == said
    assert all(len(piece) == 1 or len(text_of(piece, "en")) <= limit for piece in found)


@given(st.lists(st.text("abc", min_size=1, max_size=9), max_size=40))
def test_lines_hold_every_word_and_no_more_than_fits(said: list[str]) -> None:
    text = wrapped(" ".join(said))
    assert text.split() == said
    assert all(len(line) <= LINE for line in text.split("\n"))
