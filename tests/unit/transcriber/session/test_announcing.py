"""What dialogs tell becomes public events."""

from __future__ import annotations

import pytest

from transcriber.events import Event
from transcriber.session.announcing import announcement


def told(name: str, **data: object) -> Event:
    return announcement(name, data, session_id="ses_1", dialog_id="dlg_1", room="lobby")


MOVED = {"from_state": "a", "to_state": "b", "trigger_event": "1", "dialog_name": "d"}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("state.transition", MOVED),
        ("hook.result", {"hook_url": "https://h", "status_code": 200, "response": {"a": 1}}),
        ("hook.error", {"hook_url": "https://h", "error": "no"}),
        ("tts.started", {"text": "hi", "voice": ""}),
        ("tts.completed", {"text": "hi", "voice": "amy"}),
        ("tts.interrupted", {"text": "hi you", "spoken": "hi", "voice": ""}),
        ("agent.tool", {"tool": "t", "ok": True}),
        ("dialog.happened", {"event": "digits", "params": {"digits": "42", "complete": "true"}}),
        ("dialog.started", {"dialog_name": "d", "state": "a"}),
        ("dialog.ended", {"dialog_name": "d", "state": "a", "reason": "hangup"}),
    ],
)
def test_it_is_told_in_the_envelope_of_its_call(name: str, data: dict[str, object]) -> None:
    event = told(name, **data)
    assert (event.type, event.session_id) == (name, "ses_1")
    assert event.metadata == {"dialog_id": "dlg_1"}
    assert event.data.model_dump() == {**data, "room": "lobby"}


def test_parameters_become_texts() -> None:
    params = {"text": "hi", "barge_in": False, "silence": 2.5, "hints": ("one", "two")}
    event = told("action.executed", action_type="listen", params=params)
    assert event.data.model_dump()["params"] == {
        "text": "hi", "barge_in": "false", "silence": "2.5", "hints": '["one", "two"]',
    }  # fmt: skip


def test_what_an_event_has_no_field_for_is_left_out() -> None:
    event = told("error", code="model_failed", message="too slow", hint="none")
    assert event.data.model_dump() == {
        "code": "model_failed", "message": "too slow", "room": "lobby", "person_id": "",
    }  # fmt: skip


def test_words_are_told_though_logs_may_not_have_them() -> None:
    event = told("agent.said", pii_text="hello", turn=2)
    assert event.data.model_dump() == {"room": "lobby", "text": "hello", "turn": 2}


def test_a_flows_own_events_have_names_of_their_own() -> None:
    event = told("custom.routed", department="sales", urgent=True)
    assert event.type == "dialog.emitted"
    assert event.data.model_dump() == {
        "room": "lobby", "name": "routed", "params": {"department": "sales", "urgent": "true"},
    }  # fmt: skip


def test_there_is_no_other_name() -> None:
    with pytest.raises(KeyError):
        told("dialog.exploded")
