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


def test_what_is_loaded_is_not_looked_at_again_and_new_garbage_is() -> None:
    settle()
    frozen = gc.get_freeze_count()
    assert frozen > 10_000
    assert gc.get_threshold() == OBJECTS
    Thing()
    assert gc.collect() >= 1
    assert gc.get_freeze_count() == frozen


def test_what_was_there_at_a_former_start_is_no_burden_for_ever() -> None:
    thing = Thing()
    alive = weakref.ref(thing)
    settle()
    del thing
    gc.collect()
    assert alive()
    settle()
    assert not alive()
