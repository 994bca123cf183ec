"""What a caller may conclude from an error."""

import pytest

from webhooks.errors import BadUrl, Conflict, Refused, StoreFull, Unknown, Unverified, WebhookError


def test_a_full_disk_is_worth_another_try() -> None:
    assert StoreFull().retryable


@pytest.mark.parametrize("error", [BadUrl, Conflict, Unknown, Unverified])
def test_what_somebody_must_change_first_is_not(error: type[WebhookError]) -> None:
    assert not error().retryable


def test_a_refused_address_is_one_that_cannot_be_reached() -> None:
    assert issubclass(Refused, OSError)
    assert not issubclass(Refused, WebhookError)
