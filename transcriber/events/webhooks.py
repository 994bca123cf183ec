"""What happens to webhooks themselves."""

from __future__ import annotations

from typing import Literal

from transcriber.events.envelope import Event, Frozen

__all__ = [
    "Buried",
    "Disabled",
    "Trial",
    "WebhookBuried",
    "WebhookDisabled",
    "WebhookTest",
]


class Trial(Frozen):
    """Proves that a webhook works."""

    webhook_id: str
    message: str


class WebhookTest(Event):
    """Somebody asked for a trial delivery."""

    type: Literal["webhook.test"] = "webhook.test"
    data: Trial


class Disabled(Frozen):
    """`reason` says what made us stop sending."""

    webhook_id: str
    url: str
    reason: str


class WebhookDisabled(Event):
    """We stopped sending to a webhook: it is gone, or failed for too long."""

    type: Literal["webhook.disabled"] = "webhook.disabled"
    data: Disabled


class Buried(Frozen):
    """`event_id` and `event_type` name what could not be delivered."""

    webhook_id: str
    event_id: str
    event_type: str
    attempts: int
    error: str


class WebhookBuried(Event):
    """An event became a dead letter; it can be replayed."""

    type: Literal["webhook.buried"] = "webhook.buried"
    data: Buried
