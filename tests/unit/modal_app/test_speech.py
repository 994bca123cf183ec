from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modal_app.protocol import SECONDS, Message, Segment, SpeechStarted, Word
from modal_app.speech import PAD, WORD, Rules, Speech

RULES = Rules(delay=0.0, warm_up=0)
LEAD = [PAD]
"""The frame a slot hears before its client."""


def letters(pieces: list[int]) -> str:
    return "".join(" " if piece == 99 else chr(96 + piece) for piece in pieces)


def timed(message: Message) -> tuple[object, ...]:
    """What a word or a segment says, with times to the hundredth."""
    assert isinstance(message, (Word, Segment))
    return message.text, round(message.start, 2), round(message.end, 2)


def said(speech: Speech, *tokens: int, score: float = 0.5) -> list[Message]:
    return [message for token in tokens for message in speech.push(token, (0, 0, score, 0))]


def test_words_are_timed_from_the_clients_first_sample() -> None:
    speech = Speech(RULES, letters)
    words = said(speech, *LEAD, WORD, 8, 9, PAD, PAD, WORD, 2, PAD)

    assert [timed(word) for word in words] == [("hi", 0.08, 0.32), ("b", 0.48, 0.64)]


def test_a_word_ends_where_the_next_begins() -> None:
    words = said(Speech(RULES, letters), *LEAD, WORD, 1, WORD, 2, PAD)

    assert [word.text for word in words if isinstance(word, Word)] == ["a", "b"]


def test_pieces_that_nobody_announced_begin_where_the_first_one_is() -> None:
    (word,) = said(Speech(RULES, letters), *LEAD, PAD, PAD, 5, PAD)

    assert timed(word) == ("e", 0.24, 0.32)


def test_the_models_delay_and_prefix_are_not_the_clients_time() -> None:
    rules = Rules(delay=0.16, prefix=0.24)
    speech = Speech(rules, letters)
    (word,) = said(speech, *[PAD] * rules.lead, PAD, PAD, WORD, 1, PAD)

    assert (rules.lead, rules.tail) == (4, 3)
    assert timed(word) == ("a", 0.08, 0.24)


def test_a_word_without_text_is_none() -> None:
    speech = Speech(RULES, letters)

    assert said(speech, *LEAD, WORD, 99, PAD, PAD) == []
    assert speech.close_word() == []
    assert speech.take() == []


def test_a_turn_ends_once_and_holds_the_words_since_the_last() -> None:
    speech = Speech(RULES, letters)
    first = said(speech, *LEAD, WORD, 8, 9, PAD, score=0.1)
    pause = said(speech, PAD, PAD, PAD, score=0.9)
    second = said(speech, WORD, 2, score=0.2) + said(speech, PAD, score=0.9)

    assert first[0] == SpeechStarted(0.08)
    (segment,) = pause
    assert timed(segment) == timed(first[1])
    assert [type(message) for message in second] == [SpeechStarted, Word, Segment]


def test_a_pause_closes_the_word_that_is_open() -> None:
    speech = Speech(RULES, letters)
    said(speech, *LEAD, WORD, 1, score=0.1)

    word, segment = said(speech, 2, score=0.9)

    assert isinstance(word, Word)
    assert isinstance(segment, Segment)
    assert word.text == segment.text == "ab"


def test_silence_before_any_word_and_a_cough_end_no_turn() -> None:
    speech = Speech(RULES, letters)
    silence = said(speech, *LEAD, PAD, PAD, score=0.9)
    cough = said(speech, PAD, score=0.1) + said(speech, PAD, PAD, score=0.9)

    assert silence == []
    assert [type(message) for message in cough] == [SpeechStarted]


def test_scores_between_the_thresholds_change_nothing() -> None:
    speech = Speech(RULES, letters)
    said(speech, *LEAD, WORD, 1, PAD, score=0.1)

    assert said(speech, PAD, PAD, score=0.5) == []


def test_scores_of_the_first_second_and_of_a_flush_are_ignored() -> None:
    speech = Speech(Rules(delay=0.0, warm_up=3), letters)

    assert said(speech, *LEAD, PAD, PAD, PAD, score=0.1) == []
    assert speech.push(PAD, (0, 0, 0.1, 0), flushing=True) == []
    assert [type(message) for message in said(speech, PAD, score=0.1)] == [SpeechStarted]


def test_without_pause_heads_a_second_without_words_ends_the_turn() -> None:
    speech = Speech(RULES, letters)
    frames = round(1 / SECONDS) + 1
    messages = [m for token in (*LEAD, WORD, 1, *[PAD] * 40) for m in speech.push(token, ())]
    again = [m for token in (WORD, 2, 3, *[PAD] * frames) for m in speech.push(token, ())]

    assert [type(m) for m in messages] == [SpeechStarted, Word, Segment]
    assert [type(m) for m in again] == [SpeechStarted, Word, Segment]


def test_inserted_silence_is_left_out_of_the_clock() -> None:
    speech = Speech(RULES, letters)
    said(speech, *LEAD, PAD, PAD, PAD)
    speech.inserted += 0.16

    assert speech.now == pytest.approx(0.08)


@given(st.lists(st.sampled_from([WORD, PAD, 5, 6, 7, 99]), max_size=60))
def test_words_come_in_order_and_none_is_lost(tokens: list[int]) -> None:
    speech = Speech(RULES, letters)
    words = [m for m in said(speech, *LEAD, *tokens, PAD) if isinstance(m, Word)]
    expected = "".join(letters([t]) for t in tokens if t not in (WORD, PAD)).replace(" ", "")

    assert "".join(word.text for word in words).replace(" ", "") == expected
    assert all(word.start <= word.end for word in words)
    assert [w.end for w in words] == sorted(w.end for w in words)
