"""How good a connection is, in one number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from transcriber.rtc.sfu.quality import GONE, GOOD, STEADY, Cut, Quality


def scores(quality: Quality, lost: float, cut: Cut = 0, *, begin: float = 0.0) -> Iterator[int]:
    """What is told while it is so for ten seconds."""
    for step in range(30):
        if quality.look((0.0, lost), cut, begin + step / 3):
            yield quality.score


def test_nothing_is_told_while_all_is_well() -> None:
    quality = Quality()
    assert list(scores(quality, 0.005)) == []
    assert quality.score == GOOD
    assert not quality.look((), 0, 20.0)


@pytest.mark.parametrize(("lost", "score"), [(0.02, 4), (0.06, 3), (0.15, 2), (0.6, 1), (1.0, 1)])
def test_the_worse_of_both_ways_counts(lost: float, score: int) -> None:
    quality = Quality()
    assert list(scores(quality, lost))[-1] == score
    assert list(scores(quality, 0.0, begin=20.0))[-1] == GOOD


@pytest.mark.parametrize(("cut", "score"), [(1, 3), (2, 2)])
def test_pictures_that_were_cut_are_told(cut: Cut, score: int) -> None:
    assert list(scores(Quality(), 0.0, cut)) == [score]


def test_a_moment_is_not_told() -> None:
    quality = Quality()
    assert not quality.look((), 2, 1.0)
    assert not quality.look((), 2, 1.0 + STEADY - 0.1)
    assert not quality.look((), 0, 1.0 + STEADY)


def test_who_cannot_be_reached_is_told_at_once() -> None:
    quality = Quality()
    assert quality.reach(False)
    assert quality.score == GONE
    assert not quality.reach(False)
    assert quality.reach(True)
    assert quality.score == GOOD
