"""Every event is complete, documented and travels as the same envelope."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from tests.unit.transcriber.events import test_calls, test_dialogs, test_webhooks
from tests.unit.transcriber.events.envelopes import ENVELOPE
from transcriber import events
from transcriber.events import EVENT_TYPES, Event, json_schema

EXAMPLES = [*test_calls.EXAMPLES, *test_dialogs.EXAMPLES, *test_webhooks.EXAMPLES]

PUBLIC = [
    "call.started",
    "call.terminated",
    "speech.partial",
    "speech.final",
    "dtmf.received",
    "state.transition",
    "action.executed",
    "hook.result",
    "hook.error",
    "tts.started",
    "tts.completed",
    "error",
    "webhook.test",
    "track.published",
    "track.unpublished",
    "speaker.changed",
]


def test_every_public_name_has_a_class_and_an_example() -> None:
    assert set(PUBLIC) <= set(EVENT_TYPES)
    assert {event.type for event in EXAMPLES} == set(EVENT_TYPES)


@pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=list(EVENT_TYPES))
def test_the_schema_describes_the_envelope(kind: type[Event]) -> None:
    schema = json_schema(kind)
    name = kind.model_fields["type"].default
    assert list(schema["properties"]) == ENVELOPE
    assert schema["properties"]["type"]["const"] == name == schema["title"]
    assert schema["$id"] == f"urn:transcriber:event:{name}:v1"
    assert schema["description"]


def test_a_payload_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="loud"):
        events.Spoken.model_validate({"text": "hi", "loud": True})


def test_times_are_utc_with_milliseconds() -> None:
    berlin = timezone(timedelta(hours=2))
    moment = datetime(2026, 7, 1, 14, 0, 0, 123456, tzinfo=berlin)
    event = events.TtsStarted(session_id="s", timestamp=moment, data=test_dialogs.SPOKEN)
    assert json.loads(event.model_dump_json())["timestamp"] == "2026-07-01T12:00:00.123Z"


def test_events_do_not_change() -> None:
    event = events.CallStarted(session_id="s", data=events.Started(room="r"))
    with pytest.raises(ValidationError):
        setattr(event, "session_id", "other")  # noqa: B010 - mypy knows it too
