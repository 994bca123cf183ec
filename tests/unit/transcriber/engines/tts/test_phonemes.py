"""What a Piper voice is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.engines.tts.phonemes import marked, numbered

TABLE = {"^": [1], "$": [2], "_": [0], "a": [10], "b": [11], "c": [12], "\u0327": [13], ".": [14]}


@pytest.mark.parametrize(
    ("text", "lines", "said"),
    [
        ("Hello world", ["h w"], "h w."),
        ("Hello, world!", ["h", "w"], "h, w!"),
        ("Is it 3:45?", ["i i 3 45"], "i i 3 45?"),
        ('He said: "No."', ["h", "n"], "h: n."),
        ("A (b, c) d", ["a", "b", "c", "d"], "a, b, c, d,"),
        ("Wait\u2026", ["w"], "w."),
        ("\u597d\u3002", ["h"], "h."),
        ("le weekend.", ["l\u0259 (en)wiken(fr)"], "l\u0259 wiken."),
        ("...", [], ""),
    ],
)
def test_marks_come_back_between_the_parts(text: str, lines: list[str], said: str) -> None:
    assert marked(text, lines) == said


def test_phonemes_are_numbered_with_something_between_them() -> None:
    assert numbered("ab.", TABLE) == [1, 0, 10, 0, 11, 0, 14, 0, 2]


def test_what_the_voice_does_not_know_is_left_out_and_accents_are_by_themselves() -> None:
    assert numbered("x\u00e7", TABLE) == [1, 0, 12, 0, 13, 0, 2]


def test_a_voice_without_marks_of_its_own_gets_none() -> None:
    assert numbered("ab", {"a": [3, 4]}) == [3, 4]


@given(st.text(), st.lists(st.text(), max_size=5))
def test_any_text_has_one_mark_for_each_part(text: str, lines: list[str]) -> None:
    assert len(marked(text, lines)) >= len(lines)
