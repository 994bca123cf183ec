from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from modal_app.batcher import Batcher, Busy, Limits
from modal_app.loopback import Loopback, decode, say
from modal_app.protocol import (
    FRAME,
    RATE,
    End,
    Flushed,
    Message,
    Samples,
    Segment,
    Step,
    Word,
)
from modal_app.speech import Rules
from modal_app.stream import Stream

RULES = Rules(delay=0.16, warm_up=0)


class Rig:
    """A batcher without its thread: each `turn` is called by the test, and so is time."""

    def __init__(
        self, slots: int = 3, *, rules: Rules = RULES, limits: Limits | None = None
    ) -> None:
        self.now = 100.0
        self.heard: list[tuple[Stream, Message]] = []
        self.engine = Loopback(slots)
        self.batcher = Batcher(
            self.engine,
            decode,
            deliver=self.heard.extend,
            rules=rules,
            limits=limits,
            clock=lambda: self.now,
        )

    def drain(self) -> None:
        while self.batcher.turn():
            pass

    def said(self, stream: Stream, kind: type[Message] | None = None) -> list[Message]:
        messages = [message for whose, message in self.heard if whose is stream]
        return [m for m in messages if kind is None or isinstance(m, kind)]

    def words(self, stream: Stream) -> list[str]:
        return [m.text for m in self.said(stream) if isinstance(m, Word)]


def silence(frames: float) -> Samples:
    return np.zeros(round(frames * FRAME), np.float32)


def test_each_stream_hears_its_own_words() -> None:
    rig = Rig()
    streams = [rig.batcher.open() for _ in range(3)]
    for stream, text in zip(streams, ("hello there", "good day", "bon jour"), strict=True):
        rig.batcher.feed(stream, say(text))
    rig.drain()

    assert [rig.words(s) for s in streams] == [["hello", "there"], ["good", "day"], ["bon", "jour"]]


@pytest.mark.parametrize("cut", [101, 1_919, 1_921, 5_000, 100_000])
def test_audio_may_come_in_pieces_of_any_size(cut: int) -> None:
    rig = Rig()
    stream = rig.batcher.open()
    audio = say("some words")
    for begin in range(0, len(audio), cut):
        rig.batcher.feed(stream, audio[begin : begin + cut])
    rig.drain()

    assert rig.words(stream) == ["some", "words"]
    assert stream.backlog == 0


def test_a_slot_forgets_its_last_client_before_the_first_frame_of_the_next() -> None:
    rig = Rig(slots=1)
    resets = []
    step = rig.engine.step

    def spy() -> Samples:
        resets.append(bool(rig.engine.reset[0]))
        return step()

    rig.engine.step = spy  # type: ignore[method-assign]
    for _ in range(2):
        stream = rig.batcher.open()
        rig.batcher.feed(stream, silence(2))
        rig.drain()
        stream.abort("gone")
        rig.drain()

    assert resets == [True, False, False] * 2


def test_a_stream_that_is_behind_catches_up_without_slowing_the_others() -> None:
    rig = Rig()
    behind, live = rig.batcher.open(steps=True), rig.batcher.open(steps=True)
    rig.batcher.feed(behind, silence(10))
    for _ in range(5):
        rig.batcher.feed(live, silence(1))
        rig.batcher.turn()

    assert len(rig.said(live, Step)) == len(rig.said(behind, Step)) == 4
    assert behind.backlog == 6 * FRAME


def test_a_frame_is_stepped_only_when_it_is_whole() -> None:
    rig = Rig()
    stream = rig.batcher.open()
    rig.drain()
    rig.batcher.feed(stream, silence(0.5))
    assert rig.batcher.turn() == 0

    rig.batcher.feed(stream, silence(0.5))
    assert rig.batcher.turn() == 1


def test_a_flush_brings_the_open_word_and_keeps_the_clock() -> None:
    rig = Rig()
    stream = rig.batcher.open()
    rig.batcher.feed(stream, say("ab")[: -FRAME - 100])
    stream.flush(7)
    rig.drain()
    sent = 3 * FRAME - 100
    rig.batcher.feed(stream, np.concatenate([silence(4), say("c")]))
    rig.drain()

    assert rig.said(stream, Flushed) == [Flushed(7, "ab")]
    late = rig.said(stream, Word)[-1]
    assert isinstance(late, Word)
    assert late.end == pytest.approx((sent + 7 * FRAME) / RATE - RULES.delay, abs=0.02)


def test_an_ending_stream_says_everything_and_frees_its_slot() -> None:
    rig = Rig(slots=1)
    stream = rig.batcher.open()
    rig.batcher.feed(stream, say("last words"))
    stream.finish()
    stream.finish()
    rig.batcher.feed(stream, say("too late"))
    stream.flush(3)
    rig.drain()

    assert rig.said(stream)[-1] == End("ended", "last words")
    assert rig.words(stream) == ["last", "words"]
    assert rig.batcher.used == 0


def test_a_pause_ends_a_segment() -> None:
    rig = Rig()
    stream = rig.batcher.open()
    rig.batcher.feed(stream, say("hello you"))
    rig.batcher.feed(stream, say("", pause=0.9))
    quiet = silence(1).copy()
    quiet[1] = 0.9
    rig.batcher.feed(stream, quiet)
    rig.drain()

    assert [m.text for m in rig.said(stream, Segment) if isinstance(m, Segment)] == ["hello you"]


def test_nobody_is_let_in_when_all_slots_are_taken_and_slots_are_used_again() -> None:
    rig = Rig(slots=2)
    first, _ = rig.batcher.open(), rig.batcher.open()
    with pytest.raises(Busy, match="all 2 slots are in use") as refusal:
        rig.batcher.open()
    first.abort("gone")
    rig.drain()

    assert refusal.value.retry_after == 2.0
    assert rig.batcher.open().slot == first.slot
    assert rig.batcher.stats.rejected == 1


def test_a_draining_service_lets_nobody_in_but_serves_who_is_there() -> None:
    rig = Rig()
    stream = rig.batcher.open()
    rig.batcher.drain()
    with pytest.raises(Busy, match="shutting down"):
        rig.batcher.open()
    rig.batcher.feed(stream, say("still here"))
    rig.drain()

    assert rig.words(stream) == ["still", "here"]


def test_a_stream_without_audio_is_ended_but_one_with_work_is_not() -> None:
    rig = Rig(limits=Limits(idle=10))
    idle, busy = rig.batcher.open(), rig.batcher.open()
    rig.drain()
    rig.batcher.feed(busy, silence(5))
    rig.now += 11
    rig.batcher.turn()

    assert rig.said(idle) == [End("idle")]
    assert rig.said(busy, End) == []


def test_a_stream_may_not_last_for_ever() -> None:
    rig = Rig(limits=Limits(lifetime=60))
    stream = rig.batcher.open()
    for _ in range(8):
        rig.now += 8
        rig.batcher.feed(stream, silence(1))
        rig.drain()

    assert rig.said(stream)[-1] == End("session too long")


def test_an_ended_stream_is_given_no_more_words() -> None:
    rig = Rig()
    stream = rig.batcher.open()
    rig.batcher.feed(stream, say("some words"))
    rig.batcher.turn()
    stream.abort("slow consumer")
    stream.abort("connection lost")
    rig.drain()

    assert rig.said(stream) == [End("slow consumer")]


def test_a_client_far_ahead_is_asked_to_pause() -> None:
    rig = Rig()
    stream = rig.batcher.open()

    assert rig.batcher.feed(stream, np.zeros(10 * RATE, np.float32))
    assert not rig.batcher.feed(stream, np.zeros(11 * RATE, np.float32))


def test_poison_is_removed_before_it_reaches_the_engine() -> None:
    rig = Rig()
    stream = rig.batcher.open()
    rig.batcher.feed(stream, np.full(FRAME, np.nan, np.float32))
    rig.batcher.feed(stream, np.full(FRAME, np.inf, np.float32))
    seen = []
    for _ in range(3):
        rig.batcher.turn()
        seen.append(set(rig.engine.pcm[stream.slot].tolist()))

    assert seen == [{0.0}, {0.0}, {1.0}]


def test_what_happened_is_counted() -> None:
    rig = Rig()
    rig.batcher.feed(rig.batcher.open(), say("two words"))
    assert rig.batcher.stats.quantile(0.5) == 0.0
    rig.drain()
    stats = rig.batcher.stats

    assert (stats.opened, stats.words, stats.active, stats.backlog) == (1, 2, 1, 0.0)
    assert stats.frames == stats.steps == 13
    assert stats.quantile(0.99) > 0.0


def started(engine: Loopback) -> tuple[Batcher, list[tuple[Stream, Message]], threading.Event]:
    heard: list[tuple[Stream, Message]] = []
    over = threading.Event()

    def deliver(said: Sequence[tuple[Stream, Message]]) -> None:
        heard.extend(said)
        if not said or any(isinstance(message, End) for _, message in said):
            over.set()

    batcher = Batcher(engine, decode, deliver=deliver, rules=RULES, limits=Limits(company=0.0))
    batcher.start()
    return batcher, heard, over


def test_a_crash_of_the_step_thread_ends_everybody_with_a_reason() -> None:
    engine = Loopback(2)

    def crash() -> Samples:
        raise RuntimeError("CUDA error")

    engine.step = crash  # type: ignore[method-assign]
    batcher, heard, over = started(engine)
    streams = {batcher.open()}
    assert over.wait(5)
    batcher.stop()

    assert {(s, m) for s, m in heard} == {(s, End("engine failed")) for s in streams}
    assert isinstance(batcher.failed, RuntimeError)
    with pytest.raises(Busy, match="engine has failed"):
        batcher.open()


def test_stopping_ends_everybody_with_a_reason() -> None:
    batcher, heard, _ = started(Loopback(2))
    stream = batcher.open()
    batcher.stop()

    assert heard == [(stream, End("shutdown"))]
    with pytest.raises(Busy, match="shutting down"):
        batcher.open()


def test_many_threads_may_feed_one_batcher() -> None:
    batcher, heard, _ = started(Loopback(8))
    streams = [batcher.open() for _ in range(8)]
    audio = np.concatenate([say("many words"), silence(3)])

    def client(stream: Stream) -> Callable[[], None]:
        def run() -> None:
            for begin in range(0, len(audio), 777):
                batcher.feed(stream, audio[begin : begin + 777])
            stream.finish()

        return run

    threads = [threading.Thread(target=client(stream)) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while batcher.used:
        threading.Event().wait(0.001)
    batcher.stop()

    for stream in streams:
        words = [m.text for whose, m in heard if whose is stream and isinstance(m, Word)]
        assert words == ["many", "words"]
