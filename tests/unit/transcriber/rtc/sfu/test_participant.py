"""Who is in a room, and how long."""

from __future__ import annotations

import asyncio
import gc
import weakref
from unittest.mock import Mock

from transcriber import aio
from transcriber.rtc import Media
from transcriber.rtc.sfu.participant import AWAY, Participant
from transcriber.rtc.sfu.room import Message, Plan, Room


def someone() -> Participant:
    return Participant(Room(Plan()), Mock(Media), identity="ann", name="Ann", grants=("join",))


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
