"""Quiet is not dead."""

import pytest

from hpb.errors import Lost
from hpb.pulse import QUIET, SILENCE, Pulse


def test_the_server_is_asked_for_a_sign_of_life_and_then_given_up() -> None:
    pulse = Pulse()
    assert pulse.deadline == QUIET
    assert not pulse.check(QUIET - 0.1)
    assert pulse.check(QUIET)
    assert not pulse.check(QUIET + 0.1)
    assert pulse.deadline == 2 * QUIET
    assert pulse.check(2 * QUIET)
    assert pulse.deadline == SILENCE
    with pytest.raises(Lost, match="no sign of life"):
        pulse.check(SILENCE)


def test_any_frame_is_a_sign_of_life() -> None:
    pulse = Pulse()
    pulse.heard(SILENCE - 1)
    assert pulse.check(2 * SILENCE - 2)
    pulse.heard(2 * SILENCE - 2)
    assert not pulse.check(2 * SILENCE)
