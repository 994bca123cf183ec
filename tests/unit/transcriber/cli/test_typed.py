"""A dialog at a terminal."""

from __future__ import annotations

import pytest

from transcriber.cli.typed import read, show


def test_what_happens_is_shown_in_short(capsys: pytest.CaptureFixture[str]) -> None:
    tell = show(as_json=False)
    said = {"action_type": "play_tts", "params": {"text": "Good day."}}
    tell("action.executed", said)
    tell("action.executed", {"action_type": "transfer", "params": {"to": "5"}})
    tell("dialog.happened", {"event": "digits", "params": {"digits": "42"}})
    tell("state.transition", {"to_state": "bye"})
    tell("tts.completed", {"text": "Good day."})
    tell("error", {"code": "c"})
    shown = [
        "Good day.",
        "  [transfer to=5]",
        "  (digits digits=42)",
        "  -> bye",
        "  [error code=c]",
    ]
    assert capsys.readouterr().out.splitlines() == shown


@pytest.mark.parametrize(
    ("line", "events"),
    [
        ("Hello!", [("speech", {"text": "Hello!", "person": ""})]),
        ("/keys 1#", [("dtmf", {"digit": "1"}), ("dtmf", {"digit": "#"})]),
        ("/silence", [("silence", {})]),
        ("/joined Ann Lee", [("joined", {"person": "Ann Lee"})]),
        ("/event paid amount=5", [("custom.paid", {"amount": "5"})]),
        ("", []),
        ("/dance", []),
    ],
)
def test_what_is_typed_is_something_that_happens(line: str, events: list[object]) -> None:
    assert [(event.type, event.data) for event in read(line)] == events
