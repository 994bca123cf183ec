"""Anything may come over the wire, and becomes an event."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpb import events
from hpb.messages import Envelope, interpret, read
from hpb.requests import Ice
from tests.wire.hpb import NAMES, recording

HANDSHAKE = {"welcome", "hello", "room", "error", "bye"}


def told(message: dict[str, Any]) -> events.Event:
    return interpret(read(json.dumps(message)))


def happened(target: str, type_: str, **more: Any) -> events.Event:
    return told({"type": "event", "event": {"target": target, "type": type_, **more}})


def from_ann(data: Any) -> events.Event:
    sender = {"type": "session", "sessionid": "<ann>"}
    return told({"type": "message", "message": {"sender": sender, "data": data}})


@pytest.mark.parametrize("name", NAMES)
def test_everything_a_real_server_said_is_understood(name: str) -> None:
    lines = [line for line in recording(name) if not line.sent]
    assert lines
    for line in lines:
        envelope = read(line.text)
        if envelope.type not in HANDSHAKE:
            assert not isinstance(interpret(envelope), events.Unknown), line.text


@pytest.mark.parametrize(
    "frame", ["", "x", "null", "[1]", '"a"', "{", "[" * 10_000, b"\xff\xfe", '{"type": 1e999}']
)
def test_what_is_no_message_has_no_type(frame: str | bytes) -> None:
    envelope = read(frame)
    assert (envelope.type, envelope.body) == ("", {})
    assert interpret(envelope) == events.Unknown("", {})


def test_a_type_we_do_not_know_is_passed_on() -> None:
    assert told({"type": "chat", "chat": {"a": 1}}) == events.Unknown("chat", {"a": 1})
    assert told({"type": "chat"}) == events.Unknown("chat", {})
    body = {"target": "moon", "type": "rise"}
    assert told({"type": "event", "event": body}) == events.Unknown("event moon rise", body)


def test_people_enter_change_and_leave() -> None:
    entered = happened("room", "join", join=[{"sessionid": "<ann>"}, None, 7])
    assert isinstance(entered, events.Entered)
    assert [member.session_id for member in entered.members] == ["<ann>"]
    changed = happened("room", "change", change=[{"sessionid": "<ann>"}])
    assert isinstance(changed, events.Changed)
    assert happened("room", "leave", leave=["<ann>", 7]) == events.Left(("<ann>",))
    assert happened("room", "leave", leave="<ann>") == events.Left(())


def test_the_last_entry_of_the_in_call_list_counts() -> None:
    users = [
        {"sessionId": "<ann>", "inCall": 3},
        {"sessionId": "<bob>", "inCall": 3},
        {"sessionId": "<ann>", "inCall": 0},
    ]
    update = happened("participants", "update", update={"roomid": "r", "users": users})
    assert isinstance(update, events.InCall)
    flags = {who.session_id: who.in_call for who in update.participants}
    assert flags == {"<ann>": 0, "<bob>": 3}


def test_a_call_can_end_for_all() -> None:
    update = {"roomid": "r", "incall": 0, "all": True}
    assert happened("participants", "update", update=update) == events.InCallAll("r", 0)


def test_telephones_have_flags_of_their_own() -> None:
    flags = {"roomid": "r", "sessionid": "<phone>", "flags": 2}
    assert happened("participants", "flags", flags=flags) == events.Flags("<phone>", 2)


def test_a_room_can_be_left_in_several_ways() -> None:
    assert happened("room", "delete") == events.Removed("deleted")
    sent_out = happened("roomlist", "disinvite", disinvite={"roomid": "r", "reason": "gone"})
    assert sent_out == events.Removed("gone", "r")
    assert happened("roomlist", "disinvite") == events.Removed("disinvited")
    moved = happened("room", "switchto", switchto={"roomid": "s", "details": {"a": 1}})
    assert moved == events.Switch("s", {"a": 1})


def test_nextcloud_talks_to_the_room() -> None:
    data = {"type": "chat", "chat": {"refresh": True}}
    assert happened("room", "message", message={"data": data}) == events.RoomMessage(data)


def test_descriptions_carry_the_connection_they_belong_to() -> None:
    data = {"type": "offer", "sid": "7", "roomType": "video", "payload": {"sdp": "v=0"}}
    assert from_ann(data) == events.Offer("<ann>", "7", "video", "v=0")
    assert from_ann(data | {"type": "answer"}) == events.Answer("<ann>", "7", "video", "v=0")


def test_a_description_without_content_is_an_ordinary_message() -> None:
    for type_ in ("offer", "answer"):
        event = from_ann({"type": type_, "payload": "broken"})
        assert isinstance(event, events.Message)
        assert event.type == type_


def test_candidates_come_one_by_one_and_end() -> None:
    way = {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0}
    data = {"type": "candidate", "sid": "7", "roomType": "video", "payload": {"candidate": way}}
    assert from_ann(data) == events.Candidate("<ann>", "7", "video", Ice("candidate:1", "0", 0))
    over = events.Candidate("<ann>", "7", "video", None)
    assert from_ann(data | {"payload": {"candidate": {"candidate": ""}}}) == over
    assert from_ann(data | {"type": "endOfCandidates", "payload": {}}) == over


def test_other_messages_say_whom_they_are_for() -> None:
    message = {
        "sender": {"type": "room", "sessionid": "<ann>"},
        "recipient": {"type": "session", "sessionid": "<phone>"},
        "data": {"type": "raiseHand"},
    }
    event = told({"type": "message", "message": message})
    data = {"type": "raiseHand"}
    assert event == events.Message("<ann>", "room", "<phone>", "raiseHand", data)


def test_a_moderator_gives_orders() -> None:
    control = {"sender": {"sessionid": "<ann>"}, "data": {"action": "forceMute"}}
    order = told({"type": "control", "control": control})
    assert order == events.Control("<ann>", {"action": "forceMute"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)
TYPES = st.sampled_from(["event", "message", "control", "room", "hello", "error", "moon"])
EVENT_KEYS = ["target", "type", "join", "leave", "change", "update", "flags", "switchto"]
MORE_KEYS = ["sender", "data", "payload", "candidate", "disinvite", "message", "users", "all"]
EVENT_WORDS = ["room", "participants", "roomlist", "join", "leave", "change", "update", "flags"]
MORE_WORDS = ["switchto", "disinvite", "message", "offer", "answer", "candidate", "delete"]
KEYS = st.sampled_from([*EVENT_KEYS, *MORE_KEYS])
WORDS = st.sampled_from([*EVENT_WORDS, *MORE_WORDS])
BODIES = st.dictionaries(KEYS, WORDS | JSON | st.dictionaries(KEYS, WORDS | JSON, max_size=4))


@given(TYPES, BODIES | JSON)
def test_no_message_is_an_error(type_: str, body: Any) -> None:
    assert told({"type": type_, type_: body, "id": body}) is not None


@given(st.text() | st.binary())
def test_no_frame_is_an_error(frame: str | bytes) -> None:
    assert isinstance(read(frame), Envelope)
