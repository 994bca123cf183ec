"""The collector leaves alone what stays."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from transcriber.app.garbage import OBJECTS, settle


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
