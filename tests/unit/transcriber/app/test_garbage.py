"""The collector leaves alone what stays."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from tests.unit.transcriber.rtc.sfu.members import Guest
from transcriber.app.garbage import LEAVERS, OBJECTS, Sweep, settle


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)


class Thing:
    """Something that holds itself."""

    def __init__(self) -> None:
        self.me = self


def test_what_is_loaded_is_passed_over_and_dropped_at_the_next_start() -> None:
    thing = Thing()
    alive = weakref.ref(thing)
    settle()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold() == OBJECTS
    del thing
    gc.collect()
    assert alive()
    settle()
    assert not alive()


@pytest.mark.parametrize("stay", [0, 2 * LEAVERS])
def test_what_people_leave_behind_is_taken_when_as_many_have_left_as_stay(stay: int) -> None:
    leave = max(LEAVERS, stay)
    guests = [Guest(str(number)) for number in range(leave + stay)]
    gc.disable()
    try:
        sweep, thing = Sweep(), Thing()
        alive = weakref.ref(thing)
        for guest in guests:
            sweep.entered(guest)
        gc.collect()
        del thing  # which is no longer young
        for guest in guests[: leave - 1]:
            sweep.gone(guest)
        assert alive()
        sweep.gone(guests[leave - 1])
        assert not alive()
    finally:
        gc.enable()
