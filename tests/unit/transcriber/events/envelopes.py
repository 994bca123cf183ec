"""What holds for every event."""

from __future__ import annotations

import json

from transcriber.events import Event

ENVELOPE = ["id", "type", "source", "session_id", "timestamp", "data", "metadata"]


def travels(event: Event) -> None:
    """An event is sent in the envelope and read again."""
    sent = json.loads(event.model_dump_json())
    assert list(sent) == ENVELOPE
    back = type(event).model_validate_json(event.model_dump_json())
    assert (back.id, back.data) == (event.id, event.data)
