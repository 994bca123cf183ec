"""Words that were heard in parts of a call keep their times of the call."""

from transcriber.audio.block import SECONDS
from transcriber.engines.stt.base import Final, Partial, SpeechStarted, TurnEnded, Word
from transcriber.engines.times import Times


def test_times_at_a_gap_belong_to_what_was_before_or_comes_after() -> None:
    times = Times()
    for number in (*range(10), *range(100, 110)):
        times.sent(number)
    heard = times.placed(Partial("a b", 0.0, 0.96, (Word("a", 0.0, 0.8), Word("b", 0.8, 0.96))))
    assert isinstance(heard, Partial)
    assert [(w.start, w.end) for w in heard.words] == [(0.0, 0.8), (8.0, 8.16)]
    assert times.placed(TurnEnded(0.8)) == TurnEnded(0.8)
    assert times.placed(SpeechStarted(0.8)) == SpeechStarted(8.0)


def test_a_beginning_that_is_dated_too_early_is_still_after_the_gap() -> None:
    times = Times()
    for number in (*range(10), *range(100, 110)):
        times.sent(number)
    assert times.placed(SpeechStarted(0.6)) == SpeechStarted(8.0)
    assert times.placed(SpeechStarted(0.4)) == SpeechStarted(0.4)


def test_old_stretches_are_forgotten() -> None:
    times = Times()
    for number in range(0, 10_000, 2):
        times.sent(number)
        times.placed(Final("a", 0.0, number / 2 * SECONDS))
    assert len(times._stretches) < 5
