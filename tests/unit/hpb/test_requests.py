"""What goes to the server."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpb import requests
from hpb.errors import TooBig
from hpb.requests import MAX_FRAME_BYTES, Ice, Request


def test_a_caption_is_what_talk_shows() -> None:
    data = requests.caption("hello", language="en", speaker="ann", final=False)
    assert data == {
        "type": "transcript",
        "roomType": "video",
        "message": "hello",
        "langId": "en",
        "speakerSessionId": "ann",
        "final": False,
    }


def test_a_request_knows_what_it_is_about() -> None:
    answer = requests.answer("ann", "v=0", sid="7", kind="screen")
    assert (answer.recipient, answer.topic, answer.sid) == ("ann", "answer", "7")
    assert not answer.broadcast
    assert requests.in_call(1).topic == requests.in_call(1).recipient == ""


def test_broadcasts_are_known_as_such() -> None:
    assert requests.to_room({"type": "x"}).broadcast
    assert requests.to_call({"type": "x"}).broadcast
    assert not requests.to_session("room", {"type": "x"}).broadcast


def test_renegotiation_names_the_connection() -> None:
    assert requests.request_offer("ann").sid == ""
    assert requests.request_offer("ann", sid="7").sid == "7"


def test_our_own_stream_is_offered_to_ourselves() -> None:
    offer = requests.offer("me", "v=0", sid="7")
    assert (offer.recipient, offer.body["data"]["payload"]["sdp"]) == ("me", "v=0")


def test_candidates_end_with_a_message_of_their_own() -> None:
    ice = requests.candidate("ann", Ice("candidate:1", "0", 0), sid="7")
    assert ice.body["data"]["payload"] == {
        "candidate": {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0}
    }
    assert requests.candidate("ann", None, sid="7").topic == "endOfCandidates"


def test_the_largest_message_the_server_reads_is_sent() -> None:
    rest = len(Request("x", {"text": ""}).frame("1"))
    room = MAX_FRAME_BYTES - rest
    assert len(Request("x", {"text": "a" * room}).frame("1")) == MAX_FRAME_BYTES
    with pytest.raises(TooBig, match="65537 bytes"):
        Request("x", {"text": "a" * (room + 1)}).frame("1")


def test_letters_count_by_their_bytes() -> None:
    with pytest.raises(TooBig):
        requests.to_room(requests.caption("字" * 22_000, language="zh", speaker="s")).frame("1")


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_can_be_sent(text: str) -> None:
    frame = requests.to_room(requests.caption(text, language="en", speaker="s")).frame("1")
    assert json.loads(frame)["id"] == "1"
