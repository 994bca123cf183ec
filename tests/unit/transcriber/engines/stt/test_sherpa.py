"""What models write, as words with times."""

import pytest

from transcriber.engines.stt.base import Word
from transcriber.engines.stt.sherpa import words_of


@pytest.mark.parametrize("mark", ["\u2581", " "])
def test_pieces_become_words(mark: str) -> None:
    tokens = [f"{mark}Hel", "lo", f"{mark}world", "."]
    assert words_of(tokens, [0.0, 0.1, 0.5, 0.7], 2.0) == (
        Word("Hello", 0.0, 0.3),
        Word("world.", 0.5, 0.9),
    )


def test_without_marks_each_piece_is_a_word() -> None:
    assert [word.text for word in words_of(["你", "好"], [0.0, 0.3], 1.0)] == ["你", "好"]


def test_a_word_is_over_when_the_next_begins_or_the_audio_ends() -> None:
    first, second = words_of([" a", " b"], [0.0, 0.1], 0.15)
    assert (first.end, second.end) == (0.1, 0.15)


def test_pieces_of_nothing_are_left_out() -> None:
    assert words_of([" ", " a"], [0.0, 0.1], 1.0) == (Word("a", 0.1, 0.3),)


def test_nothing_has_no_words() -> None:
    assert words_of([], [], 1.0) == ()
