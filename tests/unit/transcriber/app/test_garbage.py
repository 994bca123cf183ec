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


def test_what_people_leave_behind_is_taken_when_some_have_left() -> None:
    gc.collect()
    gc.disable()
    try:
        sweep, thing = Sweep(), weakref.ref(Thing())
        for number in range(LEAVERS - 1):
            sweep.gone(Guest(str(number)))
        assert thing() is not None
        sweep.gone(Guest("last"))
        assert thing() is None
    finally:
        gc.enable()
