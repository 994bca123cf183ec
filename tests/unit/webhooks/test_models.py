"""Who wants what, and which secrets sign."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from webhooks.breaker import Breaker
from webhooks.models import Endpoint, Health, Secret, Wish

ENDPOINT = Endpoint("whk_1", "https://a.example/", (Secret("new"), Secret("old", until=50)))


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        (("*",), True),
        (("speech.*",), True),
        (("call.*", "speech.final"), True),
        (("speech.partial",), False),
        (("speech",), False),
        ((), False),
    ],
)
def test_patterns_choose_types(types: tuple[str, ...], wanted: bool) -> None:
    assert Wish.of("whk_1", types, ()).covers("speech.final", "room") is wanted


@pytest.mark.parametrize(
    ("channels", "wanted"), [((), True), (("room",), True), (("other",), False)]
)
def test_channels_narrow_it_down(channels: tuple[str, ...], wanted: bool) -> None:
    assert Wish.of("whk_1", ("*",), channels).covers("speech.final", "room") is wanted


def test_an_old_secret_signs_until_its_time_is_over() -> None:
    assert ENDPOINT.keys(49) == ("new", "old")
    assert ENDPOINT.keys(50) == ("new",)


def test_rotation_ends_the_old_secrets_but_never_later_than_before() -> None:
    rotated = ENDPOINT.rotated("newest", now=40, grace=100)
    assert rotated == (Secret("newest"), Secret("new", 140), Secret("old", 50))
    assert ENDPOINT.rotated("newest", now=60, grace=100) == (Secret("newest"), Secret("new", 160))


def test_nothing_is_sent_while_the_breaker_is_open_or_the_receiver_asked_for_quiet() -> None:
    assert Health().quiet_until == 0
    assert Health(Breaker(5, 20.0), held_until=10).quiet_until == 20
    assert Health(Breaker(5, 20.0), held_until=30).quiet_until == 30


@pytest.mark.parametrize("wrong", [{"secrets": ()}, {"secrets": (Secret("a", 9),)}, {"max_rps": 0}])
def test_an_endpoint_that_could_never_be_served_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs"):
        replace(ENDPOINT, **wrong)
