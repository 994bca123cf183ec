"""Settings as administrators write them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from webhooks.options import WebhookOptions
from webhooks.schedule import Schedule


def options(**settings: str) -> WebhookOptions:
    return WebhookOptions.model_validate(settings)


def test_without_settings_the_pauses_last_for_more_than_a_day() -> None:
    rules = options().worker().rules
    assert rules.schedule == Schedule()
    assert sum(rules.schedule.delays) > 86_400
    assert (rules.breaker.threshold, rules.breaker.reset, rules.in_flight) == (5, 60, 16)


def test_the_settings_of_earlier_platforms_mean_what_they_meant() -> None:
    given = options(
        WEBHOOK_MAX_RETRIES="5",
        WEBHOOK_BACKOFF_INITIAL_SEC="1",
        WEBHOOK_BACKOFF_MAX_SEC="6",
        WEBHOOK_WORKERS="3",
        CB_FAILURE_THRESHOLD="2",
        CB_RESET_TIMEOUT_SEC="7",
    )
    rules = given.worker().rules
    assert rules.schedule.delays == (1, 2, 4, 6)
    assert (rules.breaker.threshold, rules.breaker.reset, rules.in_flight) == (2, 7, 3)


def test_networks_come_as_a_list_with_commas() -> None:
    given = options(WEBHOOK_ALLOWED_NETWORKS="10.1.0.0/16, fd00::/8,")
    assert given.allowed == ("10.1.0.0/16", "fd00::/8")
    assert WebhookOptions.model_validate({"WEBHOOK_ALLOWED_NETWORKS": ["10.0.0.0/8"]}).allowed


@pytest.mark.parametrize(
    "wrong",
    [
        {"WEBHOOK_ALLOWED_NETWORKS": "10.0.0.1/8"},
        {"WEBHOOK_ALLOWED_NETWORKS": "example.com"},
        {"WEBHOOK_BACKOFF_INITIAL_SEC": "10", "WEBHOOK_BACKOFF_MAX_SEC": "5"},
        {"WEBHOOK_WORKERS": "0"},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        options(**wrong)
