"""How much a subscriber's way can carry."""

from __future__ import annotations

import pytest

from transcriber.rtc.sfu.estimate import (
    AGAIN,
    LEAST,
    LONGEST,
    MOST,
    PAUSE,
    SHORTEST,
    START,
    Estimate,
)


def test_without_loss_the_estimate_rises_and_a_little_loss_holds_it() -> None:
    estimate = Estimate()
    estimate.lost(0.0, 0, 0.0)
    assert estimate.bits == START * 1.05
    estimate.lost(0.0, 0, 0.1)
    estimate.lost(0.05, 0, 1.0)
    assert estimate.bits == START * 1.05


def test_much_loss_lowers_it_to_less_than_was_sent_once_in_a_while() -> None:
    estimate = Estimate()
    estimate.lost(0.5, 800_000, 0.0)
    estimate.lost(0.5, 100_000, PAUSE / 2)
    assert estimate.bits == 600_000
    estimate.lost(1.0, 10, 1.0)
    assert estimate.bits == LEAST


def test_it_does_not_rise_for_ever() -> None:
    estimate = Estimate()
    for turn in range(200):
        estimate.lost(0.0, 0, float(turn))
    assert estimate.bits == MOST


def test_what_the_receiver_says_counts_only_when_it_is_less_than_it_is_sent() -> None:
    estimate = Estimate()
    estimate.told(150_000, 100_000, 0.0)
    assert estimate.bits == START * 1.05
    estimate.told(3_000_000, 100_000, PAUSE)
    assert estimate.bits == 3_150_000
    estimate.told(400_000, 900_000, 2.0)
    assert estimate.bits == 400_000
    estimate.told(1 << 40, 0, 3.0)
    assert estimate.bits == MOST


def test_a_receiver_that_has_not_learnt_yet_how_much_fits_is_no_congestion() -> None:
    estimate = Estimate()
    for turn in range(1, 20):
        estimate.told(200_000 + turn * 1_000, 1_700_000, float(turn))
    assert estimate.bits == START


def test_after_congestion_it_waits_longer_each_time() -> None:
    estimate, now = Estimate(), 100.0
    for patience in (SHORTEST, 2 * SHORTEST, 4 * SHORTEST, LONGEST, LONGEST):
        estimate.told(300_000, 500_000, now - 0.01)
        estimate.told(200_000, 500_000, now)
        estimate.told(100_000, 100_000, now + patience - 0.01)
        assert estimate.bits == 200_000
        estimate.told(100_000, 100_000, now + patience)
        assert estimate.bits == 210_000
        now += patience + 1
    estimate.told(300_000, 500_000, now + AGAIN - 0.01)
    estimate.told(200_000, 500_000, now + AGAIN)
    estimate.told(100_000, 100_000, now + AGAIN + SHORTEST)
    assert estimate.bits == pytest.approx(210_000)


def test_it_rises_by_as_much_as_time_has_passed_but_not_at_once_to_the_top() -> None:
    estimate = Estimate()
    estimate.idle(10.0)
    assert estimate.bits == START * 1.05
    estimate.idle(10.0 + 3 * PAUSE)
    assert estimate.bits == pytest.approx(START * 1.05**4, abs=1)
    estimate.idle(1_000.0)
    assert estimate.bits == pytest.approx(START * 1.05**14, abs=1)
