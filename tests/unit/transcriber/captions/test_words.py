"""What was heard, word by word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.captions.words import (
    bare,
    key,
    placed,
    split,
    text_of,
    tidy,
    without_repeats,
    words_of,
)
from transcriber.engines.stt.base import Final, Partial, Word


def said(text: str, start: float = 0.0, step: float = 0.5) -> tuple[Word, ...]:
    times = enumerate(text.split())
    return tuple(Word(word, start + n * step, start + (n + 1) * step) for n, word in times)


def texts(words: tuple[Word, ...]) -> list[str]:
    return [word.text for word in words]


@pytest.mark.parametrize(
    ("text", "language", "better"),
    [
        ("he said.Then he left", "en", "he said. Then he left"),
        ("hello,world ;again", "en", "hello, world ;again"),
        ("well , yes . So", "en", "well, yes. So"),
        ("mail ann@example.Com at example.com", "en", "mail ann@example.Com at example.com"),
        ("it is 3.14 , e.g. pi", "en", "it is 3.14, e.g. pi"),
        ("  too   many\n spaces ", "en", "too many spaces"),
        ("Vraiment ?", "fr-CA", "Vraiment\u00a0?"),
        ("Vraiment ?", "de", "Vraiment?"),
        ("日本 語。です", "ja", "日本 語。です"),
    ],
)
def test_what_joining_pieces_left_behind_is_put_right(
    text: str, language: str, better: str
) -> None:
    assert tidy(text, language) == better


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert key("“Hello,”") == key("hello")
    assert key("...") == "..."


def test_a_word_can_be_taken_without_what_follows_it() -> None:
    assert (bare("end."), bare("..."), bare("Vraiment\u00a0?")) == ("end", "...", "Vraiment")


def test_languages_without_spaces_have_characters_for_words() -> None:
    assert split("今日はOpenAIです。", "ja") == ["今", "日", "は", "OpenAI", "で", "す。"]
    assert split("Vraiment\u00a0? Oui", "fr") == ["Vraiment\u00a0?", "Oui"]


@pytest.mark.parametrize(
    ("language", "whole"),
    [("en", "Hello world 今日は OK 42 です。"), ("ja", "Hello world今日はOK 42です。")],
)
def test_words_together_are_the_text_again(language: str, whole: str) -> None:
    words = words_of(Partial("Hello world 今日は OK 42 です。", 0, 1), language)
    assert text_of(words, language) == whole


def test_each_word_knows_where_in_the_text_it_is() -> None:
    text, starts = placed(said("one two three"), "en")
    assert [text[at : at + 3] for at in starts] == ["one", "two", "thr"]


def test_the_times_of_the_engine_are_kept_although_it_spells_otherwise() -> None:
    known = (Word("it", 0, 0.2, 0.9), Word("s", 0.2, 0.4, 0.7), Word("fine", 0.5, 1, 0.8))
    words = words_of(Final("It's fine.", 0, 1, known), "en")
    assert [(w.text, w.start, w.end, w.confidence) for w in words] == [
        ("It's", 0, 0.4, 0.7), ("fine.", 0.5, 1, 0.8),
    ]  # fmt: skip


def test_a_mark_between_words_takes_no_time() -> None:
    known = (Word("yes", 0, 1), Word("no", 1, 2))
    words = words_of(Final("yes – no", 0, 2, known), "en")
    assert (words[1].start, words[1].end, words[1].estimated) == (1, 1, True)


def test_words_that_only_look_different_keep_their_times_by_their_order() -> None:
    words = words_of(Final("about 20 people", 0, 1, said("about twenty people")), "en")
    assert [(word.text, word.start) for word in words] == [
        ("about", 0.0), ("20", 0.5), ("people", 1.0),
    ]  # fmt: skip


def test_times_are_guessed_where_the_engine_gives_none() -> None:
    words = words_of(Partial("a longer one", 2.0, 4.0), "en")
    assert (words[0].start, words[-1].end <= 4.0, words[1].estimated) == (2.0, True, True)
    assert words[1].end - words[1].start > words[0].end - words[0].start


def test_times_are_guessed_where_the_words_are_others() -> None:
    words = words_of(Final("we have 25 people", 0, 2, said("we have twenty five people")), "en")
    assert texts(words) == ["we", "have", "25", "people"]
    assert all(word.estimated for word in words)


def test_words_heard_in_two_segments_are_written_once() -> None:
    before, after = said("and so we went home"), said("went home. And then", 1.5)
    assert texts(without_repeats(before, after)) == ["And", "then"]


def test_words_that_were_said_twice_stay() -> None:
    before, after = said("no no"), said("no no", 1.0)
    assert texts(without_repeats(before, after)) == ["no", "no"]


def test_other_words_at_the_seam_stay() -> None:
    assert texts(without_repeats(said("we went home"), said("but then", 1.0))) == ["but", "then"]


def test_the_first_segment_has_nothing_before_it() -> None:
    assert texts(without_repeats((), said("hello"))) == ["hello"]


@given(st.text(max_size=80), st.sampled_from(["en", "fr", "ja"]))
def test_no_letter_is_lost_or_invented(text: str, language: str) -> None:
    words = words_of(Partial(text, 0.0, 1.0), language)
    whole = text_of(words, language)
    assert [c for c in whole if c.isalnum()] == [c for c in text if c.isalnum()]
    assert whole == placed(words, language)[0]
    assert all(word.text for word in words)
