"""What waits to be sent, and in which order it leaves."""

import json

import pytest

from hpb import requests
from hpb.errors import TooBig
from hpb.outbox import BURST, LIMIT, PACE, REMEMBERED, Outbox
from hpb.requests import to_room, to_session

NEVER, AT_ONCE = float("inf"), float("-inf")


def ids(frames: list[bytes]) -> list[int]:
    return [int(json.loads(frame)["id"]) for frame in frames]


def test_nothing_is_due_when_nothing_waits() -> None:
    outbox = Outbox()
    assert outbox.due() == NEVER
    assert outbox.take(0.0) == []


def test_messages_to_one_session_leave_at_once() -> None:
    outbox = Outbox()
    for _ in range(500):
        outbox.add(to_session("ann", {}))
    assert outbox.due() == AT_ONCE
    assert ids(outbox.take(0.0)) == list(range(1, 501))


def test_broadcasts_are_paced_after_a_burst() -> None:
    outbox = Outbox()
    for _ in range(BURST + 10):
        outbox.add(to_room({}))
    assert len(outbox.take(100.0)) in (BURST, BURST + 1)
    assert 100.0 < outbox.due() <= 100.0 + PACE
    assert len(outbox.take(100.0 + 3.5 * PACE)) in (3, 4)


def test_no_second_of_broadcasts_overflows_a_receiver() -> None:
    outbox, now, sent = Outbox(), 50.0, []
    for _ in range(LIMIT):
        outbox.add(to_room({}))
    while len(outbox):
        now = max(now, outbox.due())
        sent += [now] * len(outbox.take(now))
    busiest = max(sum(at <= other < at + 0.1 for other in sent) for at in sent)
    assert busiest <= 64


def test_order_is_kept_between_broadcasts_and_others() -> None:
    outbox, now, sent = Outbox(), 0.0, []
    for number in range(200):
        outbox.add(to_room({}) if number % 2 else to_session("ann", {}))
    while len(outbox):
        now = max(now, outbox.due())
        sent += ids(outbox.take(now))
    assert sent == list(range(1, 201))


def test_it_is_full_at_its_limit() -> None:
    outbox = Outbox()
    for _ in range(LIMIT):
        assert not outbox.full
        outbox.add(to_session("ann", {}))
    assert outbox.full


def test_an_error_finds_its_request_once() -> None:
    outbox = Outbox()
    request = requests.request_offer("ann")
    id_ = outbox.add(request)
    assert outbox.recall(id_) is None
    outbox.take(0.0)
    assert outbox.recall(id_) is request
    assert outbox.recall(id_) is None


def test_old_requests_are_forgotten() -> None:
    outbox = Outbox()
    numbers = []
    for _ in range(REMEMBERED + 1):
        numbers.append(outbox.add(to_session("ann", {})))
        outbox.take(0.0)
    assert outbox.recall(numbers[0]) is None
    assert outbox.recall(numbers[1]) is not None


def test_what_is_given_up_is_named() -> None:
    outbox = Outbox()
    sent = outbox.add(to_session("ann", {}))
    outbox.take(0.0)
    request = to_session("bob", {})
    waiting = outbox.add(request)
    assert [(message.id, message.request) for message in outbox.clear()] == [(waiting, request)]
    assert len(outbox) == 0
    assert outbox.recall(sent) is None


def test_a_message_that_is_too_big_does_not_stay() -> None:
    outbox = Outbox()
    with pytest.raises(TooBig):
        outbox.add(to_room({"text": "a" * 70_000}))
    assert len(outbox) == 0
