"""Several rooms, several of us in one, people who are sent elsewhere: each reads what is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hpb import Left
from tests.peers import until
from tests.peers.hpb_stack import HpbStack
from tests.peers.talk.audio import tone
from tests.peers.talk.captioned import ROOM, Place, Reader, captioned, reading, speaks, talking
from tests.peers.talk.counting import Counting
from tests.peers.talk.programs import NEWEST

BREAKOUT = "breakout"


@pytest.fixture
async def stack() -> AsyncIterator[HpbStack]:
    async with talking(NEWEST) as running:
        running.nextcloud.rooms[BREAKOUT] = {"name": "Breakout", "type": 2}
        yield running


def finals(reader: Reader, speaker: str) -> list[str]:
    return [text for who, text, final in reader.captions if final and who == speaker]


async def reads_on(reader: Reader, speaker: str) -> None:
    """Wait until there is more to read."""
    before = len(finals(reader, speaker))
    await until(lambda: len(finals(reader, speaker)) > before + 1)


async def over(place: Place) -> None:
    async with asyncio.timeout(30):
        while await place.captions.wishes():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.1)


async def test_two_of_us_in_a_call_have_readers_of_their_own(stack: HpbStack) -> None:
    async with captioned(stack, Counting()) as one, captioned(stack, Counting()) as other:
        bob, cid = await one.reader("bob"), await other.reader("cid")
        async with speaks(stack, "ann", tone(700)) as ann:
            await reads_on(bob, ann)
            await reads_on(cid, ann)
            for reader in (bob, cid):
                assert {who for who, _, _ in reader.captions} == {ann}
                assert len(set(finals(reader, ann))) == len(finals(reader, ann))
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
            await reads_on(bob, ann)
            move = {"roomid": BREAKOUT, "sessions": ["nc-bob"]}
            await stack.nextcloud.push(ROOM, {"type": "switchto", "switchto": move})
        async with reading(stack, "bob-there", BREAKOUT) as there:
            await place.captions.read(BREAKOUT, "nc-bob-there")
            await reads_on(there, eve)
            assert {who for who, _, _ in there.captions} == {eve}
        assert {who for who, _, _ in bob.captions} == {ann}


async def test_who_waits_in_the_lobby_reads_nothing_and_then_on(stack: HpbStack) -> None:
    async with captioned(stack, Counting()) as place, speaks(stack, "ann", tone(700)) as ann:
        for name in ("bob", "cid"):
            await place.captions.read(ROOM, f"nc-{name}")
        async with reading(stack, "cid") as cid:
            async with reading(stack, "bob") as bob:
                await reads_on(bob, ann)
                properties = {"userids": ["cid"], "properties": {"name": "Room", "lobby-state": 1}}
                await stack.nextcloud.push(ROOM, {"type": "update", "update": properties})
                out = {"userids": ["bob"], "alluserids": ["cid"], "sessionids": ["nc-bob"]}
                await stack.nextcloud.push(ROOM, {"type": "disinvite", "disinvite": out})
                await until(lambda: any(isinstance(event, Left) for event in cid.person.seen))
            await reads_on(cid, ann)
            before = {*finals(cid, ann)}
            async with reading(stack, "bob") as again:
                await reads_on(again, ann)
        assert not {*finals(again, ann)} & before
