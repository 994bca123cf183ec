"""Events of dialogs."""

from __future__ import annotations

import pytest

from tests.unit.transcriber.events.envelopes import travels
from transcriber import events
from transcriber.events import Event

SPOKEN = events.Spoken(text="hi", voice="amy")
TURN = events.Turn(text="hello", turn=1)
EXAMPLES: list[Event] = [
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
    events.TtsCompleted(session_id="s", data=SPOKEN),
    events.TtsInterrupted(session_id="s", data=events.Cut(text="hi you", spoken="hi")),
    events.DialogStarted(session_id="s", data=events.Dialog(dialog_name="d", state="a")),
    events.DialogEnded(
        session_id="s", data=events.DialogOver(dialog_name="d", state="a", reason="hangup")
    ),
    events.DialogEmitted(session_id="s", data=events.Emission(name="n", params={"a": "b"})),
    events.DialogHappened(session_id="s", data=events.Happening(event="timeout")),
    events.AgentHeard(session_id="s", data=TURN),
    events.AgentSaid(session_id="s", data=TURN),
    events.AgentTool(session_id="s", data=events.ToolUse(tool="t", ok=True)),
]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_it_travels_in_the_envelope_and_comes_back(event: Event) -> None:
    travels(event)
