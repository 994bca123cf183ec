"""Greeting, joining, resuming, failing: the conversation without a socket."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpb import requests
from hpb.auth import Ticket
from hpb.errors import HpbError, LockedOut, Lost, Refused, Unanswered
from hpb.events import Entered, Event, Failed, Joined, Left, Properties, Removed, Unknown
from hpb.protocol import ANSWER, About, Signaling, State, failure
from hpb.pulse import QUIET, SILENCE
from tests.unit.hpb.server import FEATURES, Server, error, event, signaling, talk

HELLO = requests.to_session("ann", {"type": "hello"})
ENTERED = event("room", "join", join=[{"sessionid": "ann"}])


def joined(server: Server | None = None) -> Signaling:
    ours = signaling()
    ours.connected(0.0)
    talk(ours, server or Server())
    return ours


def joining(server: Server) -> Signaling:
    """Get as far as the answer to the greeting."""
    ours = signaling()
    ours.connected(0.0)
    for answer in server.answers(ours.outgoing(0.0)):
        ours.received(answer, 0.0)
    return ours


def said(ours: Signaling) -> list[dict[str, object]]:
    return [json.loads(frame) for frame in ours.outgoing(0.0)]


def test_it_greets_says_its_flags_and_joins() -> None:
    ours, server = signaling(), Server()
    ours.connected(0.0)
    events = talk(ours, server)
    assert server.types() == ["hello", "internal", "room"]
    assert server.heard[1]["internal"] == {"type": "incall", "incall": {"incall": 1}}
    assert server.heard[2]["room"] == {"roomid": "r"}
    assert events == [Joined("session-1", resumed=False, properties={"name": "Room"})]


def test_a_user_joins_with_the_session_that_nextcloud_gave_him() -> None:
    ours = Signaling("r", Ticket("https://cloud.example", "t"), nextcloud_session_id="nc")
    server = Server()
    ours.connected(0.0)
    talk(ours, server)
    assert server.types() == ["hello", "room"]
    assert server.heard[1]["room"] == {"roomid": "r", "sessionid": "nc"}


def test_it_knows_the_server() -> None:
    ours = signaling()
    ours.connected(0.0)
    welcome = {"version": "1.2.4", "features": ["welcome"]}
    ours.received(json.dumps({"type": "welcome", "welcome": welcome}), 0.0)
    assert ours.about == About("1.2.4", frozenset({"welcome"}))
    talk(ours, Server())
    assert ours.about == About("2.0.2", frozenset(FEATURES))
    ours.received(json.dumps({"type": "welcome", "welcome": {"features": "all"}}), 0.0)
    assert ours.about == About("2.0.2", frozenset(FEATURES))


def test_after_a_cut_it_resumes_and_says_nothing_else() -> None:
    server = Server()
    ours = joined(server)
    ours.disconnected("cut")
    ours.connected(1.0)
    server.heard.clear()
    assert talk(ours, server) == [Joined("session-1", resumed=True)]
    assert server.types() == ["hello"]


def test_a_forgotten_session_is_replaced_on_the_same_socket() -> None:
    server = Server()
    ours = joined(server)
    server.forget()
    ours.disconnected("cut")
    ours.connected(60.0)
    server.heard.clear()
    events = talk(ours, server)
    assert server.types() == ["hello", "hello", "internal", "room"]
    assert events == [Joined("session-2", resumed=False, properties={"name": "Room"})]


def test_a_cut_before_the_room_answered_does_not_lose_the_room() -> None:
    server = Server()
    ours = joining(server)
    server.answers(ours.outgoing(0.0))
    ours.disconnected("cut while joining")
    ours.connected(1.0)
    assert talk(ours, server) == [Joined("session-1", resumed=False)]


def test_what_was_heard_before_such_a_cut_is_told_after_it() -> None:
    server = Server()
    ours = joining(server)
    server.answers(ours.outgoing(0.0))
    ours.received(ENTERED, 0.0)
    ours.disconnected("cut while joining")
    ours.connected(1.0)
    assert [type(found) for found in talk(ours, server)] == [Joined, Entered]


def test_what_was_lost_with_a_session_is_told_even_if_the_next_one_is_lost_too() -> None:
    server = Server()
    ours = joined(server)
    ours.disconnected("cut")
    ours.outbox.add(HELLO)
    for moment in (60.0, 120.0):
        server.forget()
        ours.connected(moment)
        for _ in ("resume", "greeting"):
            for answer in server.answers(ours.outgoing(moment)):
                ours.received(answer, moment)
        ours.received(ENTERED, moment)
        ours.disconnected("cut while joining")
    server.forget()
    ours.connected(180.0)
    events = talk(ours, server)
    assert [type(found) for found in events] == [Joined, Failed]


def test_what_waits_for_the_connection_is_sent_after_a_resume() -> None:
    server = Server()
    ours = joined(server)
    ours.disconnected("cut")
    ours.outbox.add(HELLO)
    ours.connected(1.0)
    assert [message["type"] for message in said(ours)] == ["hello"]
    ours = joined(server)
    ours.disconnected("cut")
    ours.outbox.add(HELLO)
    ours.connected(1.0)
    talk(ours, server)
    assert server.types()[-1] == "message"


def test_what_waited_for_a_lost_session_comes_back() -> None:
    server = Server()
    ours = joined(server)
    ours.disconnected("cut")
    id_ = ours.outbox.add(HELLO)
    server.forget()
    ours.connected(60.0)
    events = talk(ours, server)
    assert isinstance(events[0], Joined)
    assert events[1:] == [Failed("session_lost", request=HELLO, id=id_)]
    assert "message" not in server.types()


def test_events_wait_until_we_are_in_the_room() -> None:
    ours, server = signaling(), Server()
    ours.connected(0.0)
    for answer in server.answers(ours.outgoing(0.0)):
        assert ours.received(answer, 0.0) == []
    assert ours.received(ENTERED, 0.0) == []
    (answer,) = server.answers(ours.outgoing(0.0))
    events = ours.received(answer, 0.0)
    assert [type(found) for found in events] == [Joined, Entered]


def test_one_failed_request_is_not_the_end() -> None:
    ours = joined()
    id_ = ours.outbox.add(HELLO)
    ours.outgoing(0.0)
    found = ours.received(error(id_, "client_not_found"), 0.0)
    assert found == [Failed("client_not_found", "no", HELLO, id_)]
    assert ours.received(error(None, "invalid_format"), 0.0) == [Failed("invalid_format", "no")]
    assert ours.state is State.JOINED


def test_an_error_about_something_else_does_not_stop_joining() -> None:
    server = Server()
    ours = joining(server)
    assert ours.received(error("77", "not_allowed"), 0.0) == []
    assert [type(found) for found in talk(ours, server)] == [Joined, Failed]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("invalid_token", Refused),
        ("invalid_backend", Refused),
        ("too_many_requests", LockedOut),
        ("internal_error", Lost),
        ("session_limit_exceeded", Lost),
        ("something_new", Refused),
    ],
)
def test_a_greeting_is_refused(code: str, expected: type[HpbError]) -> None:
    ours, server = signaling(), Server()
    server.refusal = code
    ours.connected(0.0)
    with pytest.raises(expected, match="no"):
        talk(ours, server)


def test_a_room_is_refused() -> None:
    ours = joining(Server())
    question = said(ours)[-1]
    with pytest.raises(Refused, match="no_such_room"):
        ours.received(error(str(question["id"]), "no_such_room"), 0.0)


@pytest.mark.parametrize("code", ["no_such_session", "too_many_requests", "something_new"])
def test_whatever_is_wrong_with_the_old_session_a_new_one_is_asked_for(code: str) -> None:
    server = Server()
    ours = joined(server)
    ours.disconnected("cut")
    ours.connected(1.0)
    (resume,) = said(ours)
    assert ours.received(error(str(resume["id"]), code), 1.0) == []
    (greeting,) = said(ours)
    assert "auth" in str(greeting["hello"])
    with pytest.raises(HpbError):
        ours.received(error(str(greeting["id"]), code), 1.0)


def test_the_code_is_its_own_explanation() -> None:
    assert str(failure("internal_error")) == "internal_error"
    assert str(failure("too_many_requests")) == "too_many_requests"
    assert str(failure("invalid_token")) == "invalid_token"


def test_a_connection_that_ends_during_the_first_greeting_is_suspicious() -> None:
    ours = signaling()
    ours.connected(0.0)
    assert type(ours.disconnected("closed")) is Unanswered
    assert type(ours.disconnected("closed")) is Lost


def test_a_connection_that_ends_during_a_resume_is_not() -> None:
    ours = joined()
    assert type(ours.disconnected("cut")) is Lost
    ours.connected(1.0)
    assert type(ours.disconnected("cut again")) is Lost


def test_a_joined_server_that_falls_silent_is_asked_and_then_given_up() -> None:
    ours = joined()
    assert ours.deadline == QUIET
    assert ours.tick(QUIET)
    with pytest.raises(Lost, match="no sign of life"):
        ours.tick(SILENCE)


@pytest.mark.parametrize("answers", [0, 1])
def test_an_answer_is_not_waited_for_for_ever(answers: int) -> None:
    ours, server = signaling(), Server()
    ours.connected(0.0)
    for answer in server.answers(ours.outgoing(0.0))[:answers]:
        ours.received(answer, 0.0)
    ours.received(ENTERED, ANSWER - 1)
    assert ours.deadline == ANSWER
    with pytest.raises(Lost, match=f"while {('greeting', 'joining')[answers]}"):
        ours.tick(ANSWER)


def test_flags_are_said_again_in_a_new_session() -> None:
    server = Server()
    ours = joined(server)
    ours.set_in_call(3)
    assert said(ours)[0]["internal"] == {"type": "incall", "incall": {"incall": 3}}
    server.forget()
    ours.disconnected("cut")
    ours.connected(60.0)
    server.heard.clear()
    talk(ours, server)
    assert server.heard[2]["internal"]["incall"] == {"incall": 3}


def test_flags_before_joining_are_said_once() -> None:
    ours, server = signaling(), Server()
    ours.set_in_call(3)
    ours.connected(0.0)
    talk(ours, server)
    assert server.types() == ["hello", "internal", "room"]


def test_it_says_goodbye_after_everything_else() -> None:
    server = Server()
    ours = joined(server)
    ours.outbox.add(HELLO)
    ours.bye(0.0)
    assert talk(ours, server) == []
    assert server.types()[-2:] == ["message", "bye"]
    assert ours.state is State.OVER
    ours.disconnected("closed")
    assert ours.state is State.OVER


def test_a_connection_that_ends_instead_of_an_answer_to_goodbye_is_the_end_too() -> None:
    ours = joined()
    ours.bye(0.0)
    ours.disconnected("closed")
    assert ours.state is State.OVER


def test_without_a_session_there_is_nothing_to_say_goodbye_to() -> None:
    ours = signaling()
    ours.bye(0.0)
    assert ours.state is State.OVER
    assert ours.outgoing(0.0) == []


@pytest.mark.parametrize("reason", ["session_resumed", "something_new"])
def test_a_session_the_server_ended_is_not_resumed(reason: str) -> None:
    ours = joined()
    with pytest.raises(Lost, match=reason):
        ours.received(json.dumps({"type": "bye", "bye": {"reason": reason}}), 0.0)
    ours.disconnected("closed")
    ours.connected(1.0)
    assert "auth" in str(said(ours)[0]["hello"])


def test_who_was_replaced_does_not_fight_back() -> None:
    ours = joined()
    with pytest.raises(Refused, match="room_session_reconnected"):
        ours.received('{"type":"bye","bye":{"reason":"room_session_reconnected"}}', 0.0)


def test_a_deleted_room_is_reported_once() -> None:
    ours = joined()
    found = ours.received(event("room", "delete"), 0.0)
    found += ours.received('{"type":"room","room":{"roomid":""}}', 0.0)
    assert found == [Removed("deleted")]


def test_being_sent_away_is_reported() -> None:
    ours = joined()
    assert ours.received('{"type":"room","room":{"roomid":""}}', 0.0) == [Removed("sent away")]


def test_another_room_is_not_our_business() -> None:
    ours = joined()
    gone = event("roomlist", "disinvite", disinvite={"roomid": "other"})
    assert ours.received(gone, 0.0) == []
    ours_gone = event("roomlist", "disinvite", disinvite={"roomid": "r"})
    assert ours.received(ours_gone, 0.0) == [Removed("disinvited", "r")]


def test_properties_change() -> None:
    ours = joined()
    changed = '{"type":"room","room":{"roomid":"r","properties":{"name":"new"}}}'
    assert ours.received(changed, 0.0) == [Properties("r", {"name": "new"})]


def test_a_greeting_nobody_asked_for_changes_nothing() -> None:
    ours = joined()
    hello = {"sessionid": "other", "resumeid": "other"}
    found = ours.received(json.dumps({"type": "hello", "hello": hello}), 0.0)
    assert found == [Unknown("hello", hello)]
    assert ours.session_id == "session-1"


def test_a_greeting_without_a_session_is_no_answer() -> None:
    ours = signaling()
    ours.connected(0.0)
    assert ours.received('{"type":"hello","hello":{}}', 0.0) == []
    assert ours.state is State.GREETING


ANY = st.sampled_from(
    [
        ENTERED,
        event("room", "leave", leave=["ann"]),
        event("room", "delete"),
        '{"type":"welcome","welcome":{"features":[1,null]}}',
        '{"type":"hello","hello":{"sessionid":"x","resumeid":7}}',
        '{"id":"1","type":"hello","hello":{"sessionid":""}}',
        '{"id":"3","type":"room","room":[]}',
        '{"id":"3","type":"room","room":{"roomid":"r","properties":null}}',
        '{"type":"room","room":{"roomid":""}}',
        error(None, "invalid_format"),
        error("3", "already_joined", details=None),
        error("9", "client_not_found"),
        '{"type":"moon"}',
        "{",
        "",
    ]
) | st.text(max_size=20)
STEPS = st.lists(ANY | st.sampled_from(["cut", "restart", "answer", "send", "flags"]), max_size=30)


@given(STEPS)
def test_whatever_happens_it_comes_back_to_the_room(steps: list[str]) -> None:
    """Any messages in any order, with cuts and restarts of the server anywhere between."""
    ours, server, now = signaling(), Server(), 0.0
    ours.connected(now)
    for step in steps:
        now += 1.0
        _play(ours, server, step, now)
    ours.disconnected("cut")
    # A stranger's session may have been taken for ours: that cannot outlive one more greeting.
    ours.connected(now)
    events = talk(ours, server, now)
    assert any(isinstance(found, Joined) for found in events)
    assert ours.state is State.JOINED


def _play(ours: Signaling, server: Server, step: str, now: float) -> None:
    match step:
        case "cut":
            ours.disconnected("cut")
            ours.connected(now)
        case "restart":
            server.forget()
            ours.disconnected("restart")
            ours.connected(now)
        case "answer":
            talk(ours, server, now)
        case "send":
            ours.outbox.add(HELLO)
        case "flags":
            ours.set_in_call(3)
        case _:
            try:
                ours.received(step, now)
            except HpbError:
                ours.disconnected("refused")
                ours.connected(now)


@given(STEPS)
def test_every_stay_begins_with_joined(steps: list[str]) -> None:
    ours, server = signaling(), Server()
    ours.connected(0.0)
    in_room = False
    for step in steps:
        if step in ("cut", "restart"):
            ours.disconnected(step)
            ours.connected(0.0)
            in_room = False
            continue
        events: list[Event] = []
        try:
            events = talk(ours, server) if step == "answer" else ours.received(step, 0.0)
        except HpbError:
            ours.disconnected("refused")
            ours.connected(0.0)
            in_room = False
        for found in events:
            in_room = in_room or isinstance(found, Joined)
            assert in_room or not isinstance(found, Entered | Left)
