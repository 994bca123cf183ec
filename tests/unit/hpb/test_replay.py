"""Recorded conversations, held again: we say what was said, and hear what was heard."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from hpb import requests
from hpb.auth import Credentials, Internal, Ticket
from hpb.events import Answer, Candidate, Event, Failed, InCall, Joined, Left, Message, Offer
from hpb.protocol import Signaling, State
from hpb.requests import Ice, Request
from tests.wire.hpb import Line, recording

BACKEND = "http://nextcloud.example"
USERS: dict[str, Credentials] = {"alice": Ticket(BACKEND, "<ticket-alice>")}


def conversation(name: str, who: str) -> list[Line]:
    return [line for line in recording(name) if line.who == who]


def replay(name: str, who: str) -> tuple[list[Event], list[dict[str, Any]], list[dict[str, Any]]]:
    """Hold one side of a recording; returns events, what we said, and what was said then."""
    lines = conversation(name, who)
    rooms = [line.message["room"] for line in lines if line.sent and line.message["type"] == "room"]
    ours = Signaling(
        rooms[0]["roomid"],
        USERS.get(who, Internal(BACKEND, "secret", nonce=lambda: "<secret>")),
        nextcloud_session_id=rooms[0].get("sessionid", ""),
    )
    events: list[Event] = []
    said: list[dict[str, Any]] = []
    ours.connected(0.0)
    for line in lines:
        if not line.sent:
            events += ours.received(line.text, 0.0)
        elif line.message["type"] == "message":
            ours.outbox.add(again(line.message["message"]))
        elif line.message["type"] == "bye":
            ours.bye(0.0)
        said += [json.loads(frame) for frame in ours.outgoing(1e9)]
    assert ours.state is State.OVER
    return events, said, [line.message for line in lines if line.sent]


def again(message: dict[str, Any]) -> Request:
    """Ask for what was asked then, with our own words."""
    data, to = message["data"], message["recipient"].get("sessionid", "")
    stream = {"sid": data.get("sid", ""), "kind": data["roomType"]}
    builders: dict[str, Callable[[], Request]] = {
        "requestoffer": lambda: requests.request_offer(to, **stream),
        "offer": lambda: requests.offer(to, data["payload"]["sdp"], **stream),
        "answer": lambda: requests.answer(to, data["payload"]["sdp"], **stream),
        "candidate": lambda: requests.candidate(to, ice(data), **stream),
        "transcript": lambda: requests.to_session(to, caption(data)),
    }
    return builders[data["type"]]()


def ice(data: dict[str, Any]) -> Ice:
    way = data["payload"]["candidate"]
    return Ice(way["candidate"], way["sdpMid"], way["sdpMLineIndex"])


def caption(data: dict[str, Any]) -> dict[str, Any]:
    return requests.caption(
        data["message"],
        language=data["langId"],
        speaker=data["speakerSessionId"],
        final=data["final"],
    )


def plain(message: dict[str, Any]) -> dict[str, Any]:
    """Leave out what differs by choice: how we greet, and nicknames."""
    if message["type"] == "hello":
        return {"id": message["id"], "type": "hello"}
    message = json.loads(json.dumps(message))
    message.get("message", {}).get("data", {}).get("payload", {}).pop("nick", None)
    return message


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("1.2.4/call", "bot"),
        ("1.2.4/call", "alice"),
        ("2.0.2/call", "bot"),
        ("2.0.2/call", "alice"),
        ("talk-22.0.10/bot", "bot"),
    ],
)
def test_we_say_what_was_said(name: str, who: str) -> None:
    _, said, then = replay(name, who)
    assert list(map(plain, said)) == list(map(plain, then))


@pytest.mark.parametrize("version", ["1.2.4", "2.0.2"])
def test_a_bot_learns_who_is_in_the_call_and_is_offered_audio(version: str) -> None:
    events, _, _ = replay(f"{version}/call", "bot")
    assert isinstance(events[0], Joined)
    lists = [found for found in events if isinstance(found, InCall)]
    alice = [
        [who.speaks for who in found.participants if who.user_id == "alice"] for found in lists
    ]
    assert alice == [[True], [False]]
    (offer,) = [found for found in events if isinstance(found, Offer)]
    (candidate,) = [found for found in events if isinstance(found, Candidate)]
    assert offer.sender == candidate.sender == "<alice>"
    assert offer.sid == candidate.sid


def test_a_person_publishes_and_reads_captions() -> None:
    events, _, _ = replay("2.0.2/call", "alice")
    assert [type(found) for found in events if isinstance(found, Answer)] == [Answer]
    captions = [found.data["message"] for found in events if isinstance(found, Message)]
    assert captions == ["hello wor", "hello world"]


def test_real_talk_is_understood() -> None:
    events, _, _ = replay("talk-22.0.10/bot", "bot")
    last = [found for found in events if isinstance(found, InCall)][-1]
    assert {who.user_id: who.in_call for who in last.participants if who.user_id} == {"alice": 0}
    assert [found.session_ids for found in events if isinstance(found, Left)] == [
        ("<bob>",),
        ("<alice>",),
    ]


def test_a_wrong_sid_is_answered_with_an_error_about_that_request() -> None:
    ours = Signaling("r", Internal(BACKEND, "secret"))
    sent, answer = recording("2.0.2/second_request_and_wrong_sid")
    request = again(sent.message["message"])
    for _ in range(int(sent.message["id"])):
        id_ = ours.outbox.add(request)
    ours.outbox.take(0.0)
    (failed,) = ours.received(answer.text, 0.0)
    assert failed == Failed("client_not_found", answer.message["error"]["message"], request, id_)


def test_a_resume_is_told_what_happened_meanwhile() -> None:
    lines = conversation("2.0.2/resume", "bot")
    hello = next(line for line in lines if not line.sent and line.message["type"] == "hello")
    ours = Signaling("resume", Internal(BACKEND, "secret"))
    ours.connected(0.0)
    room = {"id": "3", "type": "room", "room": {"roomid": "resume"}}
    ours.received(hello.text, 0.0)
    ours.received(json.dumps(room), 0.0)
    ours.disconnected("cut")
    ours.connected(3.0)
    events: list[Event] = []
    for line in lines[1:5]:
        events += ours.received(line.text, 3.0)
    assert events[0] == Joined("<bot>", resumed=True)
    assert [type(found) for found in events[1:]] == [Message, Message, InCall]
