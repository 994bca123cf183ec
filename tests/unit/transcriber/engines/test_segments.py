"""Where one utterance ends and the next begins."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.engines.segments import SECONDS, WINDOW, Rules, Said, Segmenter, Work, spread
from transcriber.engines.stt.base import Word

VOICE, QUIET = 0.9, 0.1


def feed(pattern: str, rules: Rules = Rules(partial=0)) -> list[Work]:  # noqa: B008 - frozen
    """Each letter is a window: `v` is voice, others silence; windows hold their number."""
    segmenter = Segmenter(rules)
    found = []
    for number, letter in enumerate(pattern):
        window = np.full(WINDOW, number, np.float32)
        if work := segmenter.push(window, VOICE if letter == "v" else QUIET):
            found.append(work)
    if work := segmenter.finish():
        found.append(work)
    return found


def windows(seconds: float) -> int:
    return round(seconds / SECONDS)


def test_an_utterance_ends_after_silence() -> None:
    (work,) = feed("." * 40 + "v" * 30 + "." * 40)
    assert work.final
    assert work.end == 70 * SECONDS


def test_little_of_the_silence_behind_it_is_decoded() -> None:
    (work,) = feed("v" * 30 + "." * 40)
    assert work.audio[-1] == 29 + windows(0.3)


def test_what_came_just_before_the_voice_is_not_lost() -> None:
    (work,) = feed("." * 40 + "v" * 30 + "." * 40)
    assert work.audio[0] == 41 - windows(0.25)
    assert work.start == pytest.approx((41 - windows(0.25)) * SECONDS)


def test_a_click_is_no_speech() -> None:
    assert feed("." * 40 + "vvv" + "." * 40) == []


def test_silence_costs_nothing() -> None:
    assert feed("." * 1000) == []


def test_a_short_pause_does_not_cut() -> None:
    assert len(feed("v" * 20 + "." * 10 + "v" * 20 + "." * 40)) == 1


def test_a_long_utterance_is_cut_at_a_short_pause() -> None:
    long = windows(7.3)
    first, second = feed("v" * long + "." * 6 + "v" * 30 + "." * 40)
    assert first.end == long * SECONDS
    assert len(first.audio) + len(second.audio) >= (long + 30) * WINDOW


def test_without_any_pause_it_is_cut_anyway() -> None:
    works = feed("v" * windows(40))
    assert len(works) == 4
    assert max(len(work.audio) for work in works) <= windows(12) * WINDOW + WINDOW


def test_the_end_of_the_stream_ends_the_utterance() -> None:
    assert [work.final for work in feed("v" * 20)] == [True]


def test_partials_of_a_long_utterance_come_rarer() -> None:
    rules = Rules(partial=0.5, rarer=0.25)
    ends = [work.end for work in feed("v" * windows(8), rules) if not work.final]
    pauses = np.diff(ends)
    assert pauses[0] == pytest.approx(0.5, abs=SECONDS)
    assert pauses[-1] == pytest.approx(0.25 * ends[-2], abs=0.3)


def test_partials_come_while_somebody_speaks_and_not_in_a_pause() -> None:
    works = feed("v" * windows(2.1) + "." * 40, Rules(guess=9))
    assert [work.final for work in works] == [False, False, False, False, True]
    assert all(work.start == works[0].start for work in works)
    quiet = feed("v" * windows(0.55) + "." * 6 + "v" * 3 + "." * 40, Rules(guess=9))
    assert [work.final for work in quiet] == [False, True]


def test_in_a_pause_it_is_guessed_once_that_this_was_all() -> None:
    pattern = "v" * windows(0.3) + "." * 10 + "v" * 5 + "." * 40
    first, second, final = feed(pattern, Rules())
    assert (first.pausing, second.pausing, final.pausing) == (True, True, False)
    assert first.end < second.end == final.end
    assert not any(work.pausing for work in feed(pattern))


def test_words_lie_where_the_model_says_or_where_their_letters_let_us_guess() -> None:
    (word,) = Said("yes", (Word("yes", 0.2, 0.4),)).placed(3.0, 9.0)
    assert (word.start, word.end, word.estimated) == (3.2, 3.4, False)
    (guess,) = Said("yes").placed(3.0, 4.0)
    assert (guess.start, guess.estimated) == (3.0, True)


def test_it_says_whether_somebody_speaks() -> None:
    segmenter = Segmenter(Rules())
    assert not segmenter.speaking
    segmenter.push(np.zeros(WINDOW, np.float32), VOICE)
    assert segmenter.speaking
    assert segmenter.now == SECONDS
    segmenter.finish()
    assert not segmenter.speaking


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 120)), max_size=20), st.booleans())
def test_no_window_is_in_two_finals_and_no_voice_is_lost(
    runs: list[tuple[bool, int]], partials: bool
) -> None:
    pattern = "".join(("v" if voice else ".") * length for voice, length in runs)
    rules = replace(Rules(), partial=0.5 if partials else 0.0, min_speech=0.0)
    finals = [work for work in feed(pattern, rules) if work.final]
    numbers = [int(n) for work in finals for n in work.audio[::WINDOW]]
    assert numbers == sorted(set(numbers))
    assert {n for n, letter in enumerate(pattern) if letter == "v"} <= set(numbers)


def test_words_are_spread_by_their_letters() -> None:
    first, second = spread("a bbb", 10.0, 16.0)
    assert (first.text, first.start, first.end) == ("a", 10.0, 11.0)
    assert (second.text, second.start, second.end) == ("bbb", 12.0, 15.0)
    assert first.estimated


def test_no_words_have_no_times() -> None:
    assert spread("", 0, 1) == ()
