"""How long a client waits, by what went wrong."""

import pytest

from hpb.errors import HpbError, LockedOut, Lost, Refused, TooBig, Unanswered
from hpb.retry import LOCK_OUTS, PATIENCE, Retry


def always(value: float) -> Retry:
    return Retry(chance=lambda: value)


def pauses(retry: Retry, failure: HpbError, tries: int) -> list[float | None]:
    return [retry.pause(failure, 0.0) for _ in range(tries)]


def test_a_broken_connection_is_tried_again_almost_at_once() -> None:
    assert pauses(always(1), Lost(), 5) == [0.3, 0.6, 1.2, 2.0, 2.0]


def test_it_is_tried_often_while_the_session_may_live_and_seldom_later() -> None:
    retry = always(1)
    pauses(retry, Lost(), 2000)
    assert [retry.pause(Lost(), at) for at in (59.0, 60.0, 500.0)] == [2.0, 15.0, 15.0]


def test_clients_do_not_come_back_all_at_once() -> None:
    retry = Retry()
    assert len({retry.pause(Lost(), 0.0) for _ in range(20)}) == 20


def test_unanswered_greetings_are_repeated_slowly() -> None:
    assert pauses(always(0), Unanswered(), 2) == [3.0, 6.0]
    assert pauses(always(1), Unanswered(), 9)[-1] == 60.0


def test_a_lock_out_is_waited_out_in_minutes_and_not_for_ever() -> None:
    waits = pauses(always(0), LockedOut(), LOCK_OUTS + 1)
    assert waits[0] == 300.0
    assert waits[-1] is None
    assert 3600 * 3 < sum(wait for wait in waits if wait) < 3600 * 12


@pytest.mark.parametrize("failure", [Refused("invalid_token"), TooBig(), HpbError()])
def test_what_cannot_be_helped_is_not_tried_again(failure: HpbError) -> None:
    assert Retry().pause(failure, 0.0) is None


def test_patience_ends() -> None:
    retry = Retry()
    assert retry.pause(Lost(), 100.0) is not None
    assert retry.pause(Lost(), 100.0 + PATIENCE) is not None
    assert retry.pause(Lost(), 101.0 + PATIENCE) is None


def test_a_long_stay_makes_up_for_all_failures() -> None:
    retry = always(1)
    pauses(retry, Lost(), 9)
    retry.joined(1000.0)
    assert retry.pause(Lost(), 5000.0) == 0.3


def test_a_short_stay_does_not() -> None:
    retry = always(1)
    pauses(retry, Lost(), 2)
    retry.joined(1000.0)
    assert retry.pause(Lost(), 1001.0) == 1.2


def test_joining_ends_a_lock_out() -> None:
    retry = Retry()
    pauses(retry, LockedOut(), LOCK_OUTS)
    retry.joined(0.0)
    assert retry.pause(LockedOut(), 0.0) is not None
