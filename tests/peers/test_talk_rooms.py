"""Several rooms, several of us in one, people who are sent elsewhere: each reads what is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hpb import Left
from tests.peers import until
from tests.peers.hpb_stack import HpbStack
from tests.peers.talk.audio import tone
from tests.peers.talk.captioned import ROOM, Place, captioned, reading, speaks, talking
from tests.peers.talk.counting import Counting
from tests.peers.talk.programs import NEWEST

BREAKOUT = "breakout"


@pytest.fixture
async def stack() -> AsyncIterator[HpbStack]:
    async with talking(NEWEST) as running:
        running.nextcloud.rooms[BREAKOUT] = {"name": "Breakout", "type": 2}
        yield running


async def over(place: Place) -> None:
    async with asyncio.timeout(30):
        while await place.captions.wishes():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.1)


async def test_two_of_us_in_a_call_have_readers_of_their_own(stack: HpbStack) -> None:
    async with captioned(stack, Counting()) as one, captioned(stack, Counting()) as other:
        bob, cid = await one.reader("bob"), await other.reader("cid")
        async with speaks(stack, "ann", tone(700)) as ann:
            await bob.reads_on(ann)
            await cid.reads_on(ann)
            for reader in (bob, cid):
                assert reader.speakers == {ann}
                assert len(set(reader.finals(ann))) == len(reader.finals(ann))
            await stack.nextcloud.end_call(ROOM)
            await over(one)
            await over(other)


async def test_who_is_sent_into_a_breakout_room_reads_what_is_said_there(stack: HpbStack) -> None:
    async with (
        captioned(stack, Counting()) as place,
        speaks(stack, "ann", tone(700)) as ann,
        speaks(stack, "eve", tone(900), BREAKOUT) as eve,
    ):
        async with reading(stack, "bob") as bob:
            await place.captions.read(ROOM, "nc-bob")
            await bob.reads_on(ann)
            move = {"roomid": BREAKOUT, "sessions": ["nc-bob"]}
            await stack.nextcloud.push(ROOM, {"type": "switchto", "switchto": move})
        async with reading(stack, "bob-there", BREAKOUT) as there:
            await place.captions.read(BREAKOUT, "nc-bob-there")
            await there.reads_on(eve)
            assert there.speakers == {eve}
        assert bob.speakers == {ann}


async def test_who_waits_in_the_lobby_reads_nothing_and_then_on(stack: HpbStack) -> None:
    async with captioned(stack, Counting()) as place, speaks(stack, "ann", tone(700)) as ann:
        for name in ("bob", "cid"):
            await place.captions.read(ROOM, f"nc-{name}")
        async with reading(stack, "cid") as cid:
            async with reading(stack, "bob") as bob:
                await bob.reads_on(ann)
                properties = {"userids": ["cid"], "properties": {"name": "Room", "lobby-state": 1}}
                await stack.nextcloud.push(ROOM, {"type": "update", "update": properties})
                out = {"userids": ["bob"], "alluserids": ["cid"], "sessionids": ["nc-bob"]}
                await stack.nextcloud.push(ROOM, {"type": "disinvite", "disinvite": out})
                await until(lambda: any(isinstance(event, Left) for event in cid.person.seen))
            await cid.reads_on(ann)
            before = {*cid.finals(ann)}
            async with reading(stack, "bob") as again:
                await again.reads_on(ann)
        assert not {*again.finals(ann)} & before
