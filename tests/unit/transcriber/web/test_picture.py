"""The picture of all rooms, drawn from events."""

from __future__ import annotations

from typing import Any

import pytest

from transcriber.events import EVENT_TYPES, Event
from transcriber.web import picture
from transcriber.web.picture import Picture

ANN: dict[str, Any] = {"person_id": "p1", "person_name": "Ann"}


def happened(kind: str, room: str = "r1", /, **data: Any) -> Event:
    metadata = data.pop("metadata", {})
    event = {"session_id": "s1", "data": {"room": room, **data}, "metadata": metadata}
    return EVENT_TYPES[kind].model_validate(event)


def speech(kind: str, text: str, **more: Any) -> Event:
    about = {**ANN, "transcript": text, "language": "en", "start_ms": 0, "end_ms": 900, **more}
    return happened(kind, **about)


def drawn(*events: Event) -> Picture:
    made = Picture()
    made.apply(happened("call.started", protocol="sfu"))
    for event in events:
        made.apply(event)
    return made


def only(made: Picture) -> dict[str, Any]:
    [room] = made.rooms()
    return room


def test_a_call_appears_and_goes() -> None:
    made = drawn()
    assert (only(made)["room"], only(made)["protocol"]) == ("r1", "sfu")
    made.apply(happened("call.terminated", reason="ended", duration_ms=1))
    made.apply(happened("call.terminated", reason="ended", duration_ms=1))
    assert made.rooms() == []


def test_who_is_there_speaks_and_leaves() -> None:
    made = drawn(happened("person.joined", **ANN), happened("speech.started", **ANN, at_ms=0))
    [person] = only(made)["people"]
    assert (person["name"], person["speaking"]) == ("Ann", True)
    made.apply(speech("speech.partial", "Good"))
    assert only(made)["people"][0] | {"text": "Good", "final": False} == only(made)["people"][0]
    made.apply(speech("speech.final", "Good morning."))
    [person] = only(made)["people"]
    assert (person["speaking"], person["final"], person["sentences"]) == (False, True, 1)
    assert [one["text"] for one in only(made)["said"]] == ["Good morning."]
    made.apply(happened("person.left", **ANN))
    assert only(made)["people"] == []


def test_somebody_without_a_name_is_called_by_their_id() -> None:
    made = drawn(speech("speech.final", "Hello.", person_name=""))
    assert only(made)["said"][0]["name"] == "p1"


def test_levels_say_who_speaks() -> None:
    made = drawn(happened("person.joined", **ANN))
    made.apply(happened("speaker.changed", speakers=[{"person_id": "p2", "audio_level": 20}]))
    people = {one["id"]: (one["speaking"], one["level"]) for one in only(made)["people"]}
    assert people == {"p1": (False, 127), "p2": (True, 20)}


def test_only_the_last_words_and_failures_are_remembered() -> None:
    made = drawn(*(speech("speech.final", str(number)) for number in range(20)))
    assert [one["text"] for one in only(made)["said"]] == ["14", "15", "16", "17", "18", "19"]
    for number in range(20):
        made.apply(happened("error", code="busy", message=str(number)))
    assert [one["message"] for one in only(made)["wrong"]] == ["15", "16", "17", "18", "19"]


def test_a_dialog_is_where_it_is() -> None:
    of = {"dialog_id": "d1"}
    made = drawn(happened("dialog.started", metadata=of, dialog_name="desk", state="hello"))
    assert only(made)["dialog"] == {"id": "d1", "name": "desk", "state": "hello"}
    moved = {"from_state": "hello", "to_state": "bye", "trigger_event": "1", "dialog_name": "desk"}
    made.apply(happened("state.transition", metadata=of, **moved))
    assert only(made)["dialog"]["state"] == "bye"
    over = {"dialog_name": "desk", "state": "bye", "reason": "finished"}
    made.apply(happened("dialog.ended", **over))
    assert only(made)["dialog"] is None


def test_what_belongs_to_no_call_of_ours_changes_nothing() -> None:
    made = drawn()
    before = made.change
    made.apply(happened("person.joined", "other", **ANN))
    made.apply(happened("track.published", person_id="p1", track_id="t", kind="audio"))
    made.apply(happened("call.terminated", "other", reason="ended", duration_ms=1))
    assert made.change == before


def test_who_looks_again_is_told_what_has_changed() -> None:
    made = drawn()
    made.apply(happened("call.started", "r2"))
    seen = made.change
    assert made.since(seen) == ([], [])
    made.apply(happened("person.joined", "r2", **ANN))
    made.apply(happened("call.terminated", "r1", reason="ended", duration_ms=1))
    shown, gone = made.since(seen)
    assert ([one["room"] for one in shown], gone) == (["r2"], ["r1"])


def test_the_picture_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MOST", 3)
    made = Picture()
    for number in range(50):
        made.apply(happened("call.started", f"r{number}"))
    assert [one["room"] for one in made.rooms()] == ["r47", "r48", "r49"]
    shown, gone = made.since(0)
    assert (len(shown), len(gone)) == (3, 3)
