"""The public form of what happens."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from transcriber.events import CallStarted, Speech, SpeechFinal, Started

SPEECH = Speech(room="r", person_id="p", transcript="Hi.", language="en", start_ms=0, end_ms=400)


def test_an_event_is_an_envelope_around_its_payload() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678_900, UTC)
    event = SpeechFinal(id="evt_1", session_id="ses_1", timestamp=at, data=SPEECH)
    assert json.loads(event.model_dump_json()) == {
        "id": "evt_1",
        "type": "speech.final",
        "source": "transcriber",
        "session_id": "ses_1",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "data": {
            "room": "r", "person_id": "p", "person_name": "", "transcript": "Hi.",
            "language": "en", "start_ms": 0, "end_ms": 400, "confidence": None, "words": [],
        },
        "metadata": {},
    }  # fmt: skip


def test_events_do_not_change() -> None:
    event = CallStarted(session_id="s", data=Started(room="r"))
    with pytest.raises(ValidationError):
        setattr(event, "session_id", "other")  # noqa: B010 - mypy knows it too


def test_an_event_can_be_read_back() -> None:
    event = SpeechFinal(session_id="s", data=SPEECH)
    again = SpeechFinal.model_validate_json(event.model_dump_json())
    assert again.data == event.data
