"""Every event is complete, documented and travels as the same envelope."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from transcriber import events
from transcriber.events import EVENT_TYPES, Event, json_schema

ENVELOPE = ["id", "type", "source", "session_id", "timestamp", "data", "metadata"]
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
WORDS = (events.SpokenWord(text="hello", start_ms=0, end_ms=400),)
SAID = events.Speech(
    room="r", person_id="p", transcript="hello", language="en", start_ms=0, end_ms=400, words=WORDS
)
SPOKEN = events.Spoken(text="hi", voice="amy")
PRESENCE = events.Presence(room="r", person_id="p")
TURN = events.Turn(text="hello", turn=1)
TRACK = events.Track(room="r", person_id="p", track_id="t", kind="audio")
EXAMPLES: list[Event] = [
    events.CallStarted(session_id="s", data=events.Started(room="r", protocol="talk")),
    events.CallTerminated(
        session_id="s", data=events.Terminated(room="r", reason="ended", duration_ms=9)
    ),
    events.SpeechPartial(session_id="s", data=SAID),
    events.SpeechFinal(session_id="s", data=SAID),
    events.DtmfReceived(session_id="s", data=events.Pressed(key="1", digit=49)),
    events.StateTransition(
        session_id="s",
        data=events.Transition(from_state="a", to_state="b", trigger_event="1", dialog_name="d"),
    ),
    events.ActionExecuted(session_id="s", data=events.Executed(action_type="hangup")),
    events.HookResult(
        session_id="s", data=events.HookAnswer(hook_url="https://h", status_code=200, response={})
    ),
    events.HookError(session_id="s", data=events.HookFailure(hook_url="https://h", error="no")),
    events.TtsStarted(session_id="s", data=SPOKEN),
    events.TranscriptStarted(
        session_id="s", data=events.TranscriptBegun(room="r", transcript_id="trn_1")
    ),
    events.TranscriptEnded(
        session_id="s", data=events.TranscriptOver(room="r", transcript_id="trn_1", lines=2)
    ),
    events.TtsCompleted(session_id="s", data=SPOKEN),
    events.TtsInterrupted(session_id="s", data=events.Cut(text="hi you", spoken="hi")),
    events.PersonJoined(session_id="s", data=PRESENCE),
    events.PersonLeft(session_id="s", data=PRESENCE),
    events.SpeechStarted(session_id="s", data=events.Beginning(room="r", person_id="p", at_ms=9)),
    events.DialogStarted(session_id="s", data=events.Dialog(dialog_name="d", state="a")),
    events.DialogEnded(
        session_id="s", data=events.DialogOver(dialog_name="d", state="a", reason="hangup")
    ),
    events.DialogEmitted(session_id="s", data=events.Emission(name="n", params={"a": "b"})),
    events.AgentHeard(session_id="s", data=TURN),
    events.AgentSaid(session_id="s", data=TURN),
    events.AgentTool(session_id="s", data=events.ToolUse(tool="t", ok=True)),
    events.ErrorHappened(session_id="s", data=events.Failure(code="c", message="m")),
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
    events.TrackPublished(session_id="s", data=TRACK),
    events.TrackUnpublished(session_id="s", data=TRACK),
    events.SpeakerChanged(
        session_id="s",
        data=events.ActiveSpeakers(
            room="r", speakers=(events.Loudness(person_id="p", audio_level=7),)
        ),
    ),
]


def test_every_public_name_has_a_class_and_an_example() -> None:
    assert set(PUBLIC) <= set(EVENT_TYPES)
    assert {event.type for event in EXAMPLES} == set(EVENT_TYPES)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_an_event_travels_in_the_envelope_and_comes_back(event: Event) -> None:
    sent = json.loads(event.model_dump_json())
    assert list(sent) == ENVELOPE
    back = type(event).model_validate_json(event.model_dump_json())
    assert back.data == event.data
    assert back.id == event.id


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
    event = events.TtsStarted(session_id="s", timestamp=moment, data=SPOKEN)
    assert json.loads(event.model_dump_json())["timestamp"] == "2026-07-01T12:00:00.123Z"


def test_events_do_not_change() -> None:
    event = events.CallStarted(session_id="s", data=events.Started(room="r"))
    with pytest.raises(ValidationError):
        setattr(event, "session_id", "other")  # noqa: B010 - mypy knows it too
