"""How often the process looks up."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import Iterator

import pytest

from modal_app.pace import TICK, TURN, Tick, new_loop, settle


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def tick(time: Time) -> Iterator[tuple[Tick, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs, Tick(clock=lambda: time.now, sleep=time.sleep) as selector:
        selector.register(ours, 1)
        yield selector, theirs


def test_what_comes_after_a_pause_is_read_at_once(
    tick: tuple[Tick, socket.socket], time: Time
) -> None:
    selector, peer = tick
    peer.send(b"x")
    assert len(selector.select(1)) == 1
    assert not time.slept


def test_what_comes_soon_after_the_last_look_waits_for_the_next(
    tick: tuple[Tick, socket.socket], time: Time
) -> None:
    selector, peer = tick
    peer.send(b"x")
    selector.select(1)
    time.now += TICK / 4
    assert len(selector.select(None)) == 1
    assert time.slept == [pytest.approx(TICK * 3 / 4)]


def test_a_loop_that_has_other_work_is_not_held_up(
    tick: tuple[Tick, socket.socket], time: Time
) -> None:
    selector, peer = tick
    peer.send(b"x")
    selector.select(1)
    assert len(selector.select(0)) == 1
    assert selector.select(-1)
    assert not time.slept


def test_a_timer_that_is_due_is_not_held_up(tick: tuple[Tick, socket.socket], time: Time) -> None:
    selector, _ = tick
    assert selector.select(0.001) == []
    assert not time.slept


def test_a_loop_of_ours_ticks_and_works() -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(asyncio.sleep(0, "done")) == "done"
        assert isinstance(runner.get_loop()._selector, Tick)  # type: ignore[attr-defined]


USUAL = (700, 10, 10)
"""When Python looks for garbage, unless it is told otherwise."""


def test_what_is_loaded_is_left_alone_by_the_collector() -> None:
    before, threshold = sys.getswitchinterval(), gc.get_threshold()
    try:
        gc.set_threshold(*USUAL)
        settle()
        assert gc.get_freeze_count() > 0
        assert sys.getswitchinterval() == pytest.approx(TURN)
        assert gc.get_threshold() > USUAL
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)
        sys.setswitchinterval(before)
