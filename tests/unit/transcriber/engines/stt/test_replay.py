"""What is kept for another hearing, and that nothing is told twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.audio.block import SAMPLES, SECONDS, Block
from transcriber.engines.stt.base import (
    Final,
    Interrupted,
    Partial,
    SpeechStarted,
    TurnEnded,
    Word,
)
from transcriber.engines.stt.replay import Tape, Timeline, Told


def block(number: int) -> Block:
    return np.full(SAMPLES, number, np.float32)


def tape(*, pushed: int, limit: int = 4) -> Tape:
    tape = Tape(limit)
    for number in range(pushed):
        tape.push(block(number))
    return tape


def taken(tape: Tape) -> list[int | None]:
    found: list[int | None] = []
    while tape.waiting:
        item = tape.take()
        found.append(None if item is None else int(item[0]))
    return found


def test_a_tape_gives_what_it_got() -> None:
    assert taken(tape(pushed=3)) == [0, 1, 2]


def test_a_full_tape_forgets_the_oldest_and_counts_it_if_nobody_had_it() -> None:
    full = tape(pushed=6)
    assert (full.dropped, taken(full)) == (2, [2, 3, 4, 5])
    full.push(block(6))
    assert full.dropped == 2


def test_a_full_tape_says_so_only_while_nobody_had_its_oldest_block() -> None:
    full = tape(pushed=4)
    assert full.full
    full.take()
    assert not full.full


def test_what_was_taken_can_be_heard_again_until_it_is_forgotten() -> None:
    again = tape(pushed=4)
    assert taken(again) == [0, 1, 2, 3]
    again.forget(2)
    again.rewind()
    assert taken(again) == [2, 3]


def test_what_nobody_had_is_not_forgotten() -> None:
    kept = tape(pushed=3)
    kept.take()
    kept.forget(3)
    assert taken(kept) == [1, 2]


def test_a_flush_comes_where_it_was_made_and_again_after_a_rewind() -> None:
    flushed = tape(pushed=2)
    flushed.flush()
    flushed.flush()
    flushed.push(block(2))
    assert taken(flushed) == [0, 1, None, 2]
    flushed.rewind()
    assert taken(flushed) == [0, 1, None, 2]
    flushed.forget(2)
    flushed.rewind()
    assert taken(flushed) == [2]


def test_flushes_of_forgotten_audio_do_not_pile_up() -> None:
    flushed = Tape(2)
    for number in range(100):
        flushed.push(block(number))
        flushed.flush()
    assert taken(flushed) == [None, 98, None, 99, None]


@given(st.lists(st.sampled_from(["push", "flush", "take", "rewind", "forget"]), max_size=60))
def test_a_tape_never_loses_count(steps: list[str]) -> None:
    tape, pushed = Tape(5), 0
    for step in steps:
        match step:
            case "push":
                tape.push(block(pushed))
                pushed += 1
            case "flush":
                tape.flush()
            case "take" if tape.waiting:
                number = tape.next
                if (item := tape.take()) is not None:
                    assert item[0] == number
            case "rewind":
                tape.rewind()
            case "forget":
                tape.forget(tape.next - 1)
        assert tape.end == pushed
        assert tape.first <= tape.next <= tape.end
        assert pushed - tape.first <= 5
        assert tape.dropped <= tape.first


def timeline(*indexes: int) -> Timeline:
    line = Timeline()
    for index in indexes:
        line.sent(index)
    return line


def test_times_count_from_the_first_block_that_the_engine_heard() -> None:
    assert timeline(*range(100, 110)).ours(0.4) == pytest.approx(100 * SECONDS + 0.4)


def test_times_after_a_gap_are_later() -> None:
    line = timeline(0, 1, 2, 10, 11)
    assert line.ours(2 * SECONDS) == pytest.approx(2 * SECONDS)
    assert line.ours(3 * SECONDS) == pytest.approx(10 * SECONDS)
    assert line.ours(4.5 * SECONDS) == pytest.approx(11.5 * SECONDS)


def test_times_are_translated_wherever_they_stand() -> None:
    line = timeline(*range(25, 50))
    word = Word("hi", 1.0, 1.5)
    assert line.translate(SpeechStarted(1.0)) == SpeechStarted(3.0)
    assert line.translate(TurnEnded(1.0)) == TurnEnded(3.0)
    assert line.translate(Final("hi", 1.0, 1.5, (word,), "en", 0.5)) == Final(
        "hi", 3.0, 3.5, (Word("hi", 3.0, 3.5),), "en", 0.5
    )


def test_without_a_gap_nothing_is_translated() -> None:
    heard = Partial("hi", 0.1, 0.2)
    assert timeline(0, 1, 2).translate(heard) is heard


def test_very_many_gaps_keep_their_newest_times() -> None:
    line = timeline(*range(0, 2_000, 2))
    assert line.ours(999 * SECONDS) == pytest.approx(1_998 * SECONDS)


def words(*texts: str, start: float, step: float = 0.5) -> tuple[Word, ...]:
    return tuple(
        Word(text, start + i * step, start + (i + 1) * step) for i, text in enumerate(texts)
    )


def test_the_first_hearing_is_told_as_it_is() -> None:
    told = Told()
    for heard in (SpeechStarted(1.0), Partial("a", 1.0, 1.5), Final("a b", 1.0, 2.0)):
        assert told.take(heard) == heard
    assert (told.until, told.open) == (2.0, False)


def test_the_beginning_of_an_utterance_is_told_once() -> None:
    told = Told()
    told.take(SpeechStarted(1.0))
    told.replayed()
    assert told.take(SpeechStarted(1.1)) is None


def test_a_final_that_was_told_is_not_told_again() -> None:
    told = Told()
    told.take(Final("a b", 1.0, 2.0))
    told.replayed()
    assert told.take(Partial("b", 1.8, 2.05)) is None
    assert told.take(Final("b", 1.8, 2.05)) is None
    assert told.take(Final("c", 2.2, 2.5)) == Final("c", 2.2, 2.5)


def test_words_that_were_told_are_left_out_of_what_comes_again() -> None:
    told = Told()
    told.take(Final("a b", 1.0, 2.0))
    told.replayed()
    again = Final("b c d", 1.5, 3.0, words("b", "c", "d", start=1.5))
    assert told.take(again) == Final("c d", 2.0, 3.0, words("c", "d", start=2.0))


def test_what_begins_later_is_told_whole_after_a_replay() -> None:
    told = Told()
    told.replayed()
    heard = Final("a b", 1.0, 2.0, words("a", "b", start=1.0))
    assert told.take(heard) is heard


def test_times_never_go_back() -> None:
    told = Told()
    told.take(Final("a", 1.0, 2.0))
    assert told.take(SpeechStarted(1.9)) == SpeechStarted(2.0)
    assert told.take(Partial("b", 1.5, 1.9)) == Partial("b", 2.0, 2.0)


def test_turns_are_told_once() -> None:
    told = Told()
    assert told.take(TurnEnded(1.0)) == TurnEnded(1.0)
    assert told.take(TurnEnded(1.0)) is None


def test_other_news_pass() -> None:
    news = Interrupted(1.0, "engine_network", "gone", 2.0)
    assert Told().take(news) is news
