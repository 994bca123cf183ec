"""Events of webhooks."""

from __future__ import annotations

import pytest

from tests.unit.transcriber.events.envelopes import travels
from transcriber import events
from transcriber.events import Event

EXAMPLES: list[Event] = [
    events.WebhookTest(session_id="", data=events.Trial(webhook_id="w", message="works")),
    events.WebhookDisabled(
        session_id="", data=events.Disabled(webhook_id="w", url="https://w", reason="gone")
    ),
    events.WebhookBuried(
        session_id="",
        data=events.Buried(
            webhook_id="w", event_id="e", event_type="error", attempts=8, error="status 500"
        ),
    ),
]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_it_travels_in_the_envelope_and_comes_back(event: Event) -> None:
    travels(event)
