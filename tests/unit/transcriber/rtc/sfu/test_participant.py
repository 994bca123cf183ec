"""Who is in a room, and how long."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from tests.unit.transcriber.rtc.sfu.members import Guest, track
from transcriber import aio
from transcriber.errors import NotAllowed
from transcriber.rtc import Media
from transcriber.rtc.sfu.participant import AWAY, Participant
from transcriber.rtc.sfu.room import Message, Plan, Room


def someone(*grants: str) -> Participant:
    may = ("join", *grants)
    return Participant(Room(Plan()), Mock(Media), identity="ann", name="Ann", grants=may)


async def test_who_is_cut_off_has_a_while_to_come_back_and_has_left_then() -> None:
    ann, way = someone(), aio.Backlog[Message](10)
    async with asyncio.TaskGroup() as tasks:
        visit = tasks.create_task(ann.run())
        ann.reach(way.push)
        ann.cut(way.push)
        await asyncio.sleep(AWAY - 1)
        assert not visit.done()
        ann.reach(way.push)
        await asyncio.sleep(AWAY * 2)
        assert not visit.done()
        ann.cut(way.push)
        await asyncio.sleep(AWAY + 1)
        assert visit.done()


async def test_a_way_that_was_replaced_may_be_cut() -> None:
    ann, old, new = someone(), aio.Backlog[Message](10), aio.Backlog[Message](10)
    async with asyncio.TaskGroup() as tasks:
        visit = tasks.create_task(ann.run())
        ann.reach(old.push)
        ann.reach(new.push)
        ann.cut(old.push)
        await asyncio.sleep(AWAY + 1)
        assert not visit.done()
        ann.leave("left")


async def test_who_has_left_is_not_kept_until_they_could_have_come_back() -> None:
    ann, way = someone(), aio.Backlog[Message](10)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ann.run())
        ann.reach(way.push)
        ann.leave("left")
    ann.cut(way.push)
    gone = weakref.ref(ann)
    del ann
    gc.collect()
    assert gone() is None


def enters(ann: Participant) -> tuple[Guest, list[Message]]:
    """Have somebody else in the room of hers, and all that she is told."""
    bo, told = Guest("bo"), list[Message]()
    ann.room.enter(ann)
    ann.reach(told.append)
    ann.room.enter(bo)
    bo.send(track("bo"))
    return bo, told


async def test_who_may_only_join_learns_nothing_of_others_and_tells_them_nothing() -> None:
    ann = someone()
    bo, told = enters(ann)
    ann.room.publish(bo, bo.tracks.values())
    ann.room.tell({"type": "data", "from": "bo", "data": "psst"})
    assert (ann.ready()["participants"], told) == ([], [])
    with pytest.raises(NotAllowed, match="nothing but join"):
        ann.say("hello", None)
    ann.tell({"type": "closed", "reason": "removed"})
    assert [one["type"] for one in told] == ["closed"]


@pytest.mark.parametrize("grant", ["publish", "subscribe", "admin"])
async def test_who_may_do_anything_more_sees_who_is_there(grant: str) -> None:
    ann = someone(grant)
    bo, told = enters(ann)
    ann.room.publish(bo, bo.tracks.values())
    ann.say("hello", None)
    assert [one["id"] for one in ann.ready()["participants"]] == ["bo"]
    assert [one["type"] for one in told] == ["joined", "track.published"]


async def test_only_who_may_subscribe_chooses_how_a_track_comes() -> None:
    ann = someone("publish")
    bo, _ = enters(ann)
    (one,) = bo.tracks
    with pytest.raises(NotAllowed, match="subscribe"):
        ann.receiving.layer(one, "low")
    with pytest.raises(NotAllowed, match="subscribe"):
        ann.receiving.pause(one, True)


async def test_who_is_not_heard_any_more_is_told_at_once() -> None:
    ann, told = someone("publish"), list[Message]()
    way, other = Mock(), Mock()
    sending: Any = ann.sending
    sending._publisher = Mock(tracks={}, path=way, close=AsyncMock(return_value=()))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ann.run())
        await asyncio.sleep(0)
        ann.reach(told.append)
        for lost, errors in ((other, 0), (way, 1)):
            sending._lost(lost)
            await asyncio.sleep(1)
            assert [one["for"] for one in told if one["type"] == "error"] == ["publish"] * errors
        ann.leave("left")
