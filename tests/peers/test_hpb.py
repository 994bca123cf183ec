"""The signaling client against real servers of both generations, with a real Janus."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from hpb import (
    Entered,
    Failed,
    InCall,
    InCallAll,
    Left,
    Lost,
    Message,
    Offline,
    Properties,
    Refused,
    Removed,
    Request,
    Retry,
    RoomMessage,
    Switch,
    Ticket,
    Token,
    TooBig,
)
from hpb.requests import caption, request_offer, to_call, to_room, to_session
from tests.peers.hpb_stack import HpbStack
from tests.peers.talk.programs import GENERATIONS, NEWEST
from tests.peers.talk.watch import Watched, watch


@pytest.fixture(params=GENERATIONS)
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[HpbStack]:
    async with HpbStack(request.param, mcu_timeout=1) as running:
        running.nextcloud.rooms["r"] = {"name": "Room", "type": 2}
        yield running


async def test_a_bot_is_in_the_call_without_audio_from_the_start(stack: HpbStack) -> None:
    async with watch(stack.user("ann", "r")) as (ann,), watch(stack.bot("r")) as (bot,):
        assert bot.hpb.version.startswith(stack.generation)
        assert "mcu" in bot.hpb.features
        await stack.nextcloud.set_in_call("nc-ann", 3)

        def flags(session_id: str) -> set[int]:
            updates = [event.participants for event in ann.seen if isinstance(event, InCall)]
            there = [who for update in updates for who in update]
            return {who.in_call for who in there if who.session_id == session_id}

        await ann.until(InCall, lambda _: all(flags(one.hpb.session_id) for one in (ann, bot)))
        assert flags(bot.hpb.session_id) == {1}


async def test_a_bot_learns_who_is_there_and_who_speaks(stack: HpbStack) -> None:
    async with watch(stack.user("ann", "r"), stack.bot("r")) as (ann, bot):
        entered = await bot.until(
            Entered, lambda found: any(member.user_id == "ann" for member in found.members)
        )
        (member,) = [who for who in entered.members if who.user_id == "ann"]
        assert (member.name, member.nextcloud_session_id) == ("Ann", "nc-ann")
        await stack.nextcloud.set_in_call("nc-ann", 3)
        entry = await bot.in_call("ann")
        assert entry.speaks
        assert entry.session_id == member.session_id == ann.hpb.session_id
        await stack.nextcloud.set_in_call("nc-ann", 0)
        assert (await bot.in_call("ann")).in_call == 0


async def test_nobody_sees_a_ghost_after_goodbye(stack: HpbStack) -> None:
    async with watch(stack.user("ann", "r")) as (ann,):
        async with watch(stack.bot("r")) as (bot,):
            session_id = bot.hpb.session_id
        assert session_id in (await ann.until(Left)).session_ids
    await stack.deserted()


async def test_a_bot_leaves_no_trace_at_nextcloud(stack: HpbStack) -> None:
    async with watch(stack.bot("r")):
        pass
    assert [kind for kind, _ in stack.nextcloud.requests] == []
    assert stack.nextcloud.forgeries == 0


async def test_a_wrong_secret_is_refused_and_tried_once(stack: HpbStack) -> None:
    async with stack.bot("r", secret="wrong") as hpb:
        with pytest.raises(Refused, match="invalid_token") as refused:
            await anext(hpb)
    assert refused.value.code == "invalid_token"


async def test_a_foreign_nextcloud_is_refused(stack: HpbStack) -> None:
    foreign = Ticket("http://nextcloud.example", "ticket")
    async with stack.user("ann", "r", credentials=foreign) as hpb:
        with pytest.raises(Refused, match="invalid_backend"):
            await anext(hpb)


async def test_an_unknown_room_is_refused_to_people(stack: HpbStack) -> None:
    async with stack.user("ann", "nowhere") as hpb:
        with pytest.raises(Refused, match="no_such_room"):
            await anext(hpb)


async def test_people_may_show_a_signed_token(stack: HpbStack) -> None:
    proof = Token(stack.nextcloud.base_url, stack.nextcloud.token("ann"))
    async with (
        watch(stack.bot("r"), stack.user("ann", "r", credentials=proof)) as (bot, _),
    ):
        entered = await bot.until(
            Entered, lambda found: any(member.user_id == "ann" for member in found.members)
        )
        assert entered.members[0].name == "Ann"


async def test_people_wait_for_nextcloud_and_bots_do_not(stack: HpbStack) -> None:
    async with watch(stack.user("ann", "r")):
        stack.nextcloud.down = True
        async with watch(stack.bot("r")), stack.user("bob", "r") as bob:
            offline = await anext(bob)
            assert isinstance(offline, Offline)
            assert "internal_error" in offline.reason
            stack.nextcloud.down = False


async def test_captions_reach_exactly_their_readers_in_order(stack: HpbStack) -> None:
    people = [stack.user(name, "r") for name in ("ann", "bob", "cid")]
    async with watch(stack.bot("r"), *people) as (bot, ann, bob, cid):
        texts = [f"words {number}" for number in range(200)]
        for text in texts:
            for reader in (ann, bob):
                said = caption(text, language="en", speaker=cid.hpb.session_id)
                await bot.hpb.send(to_session(reader.hpb.session_id, said))
        assert await ann.captions(200) == await bob.captions(200) == texts
        assert not [found for found in await cid.during(0.2) if isinstance(found, Message)]


async def test_a_burst_to_the_room_loses_nothing(stack: HpbStack) -> None:
    people = [stack.user(f"user{number}", "r") for number in range(8)]
    async with watch(stack.bot("r"), *people) as (bot, *readers):
        texts = [f"words {number}" for number in range(300)]
        for text in texts:
            said = caption(text, language="en", speaker=readers[0].hpb.session_id)
            await bot.hpb.send(to_room(said))
        heard = await asyncio.gather(*(reader.captions(300) for reader in readers))
        assert all(found == texts for found in heard)


async def test_everybody_in_the_call_can_be_addressed_where_the_server_says_so(
    stack: HpbStack,
) -> None:
    async with watch(stack.bot("r"), stack.user("ann", "r")) as (bot, ann):
        await stack.nextcloud.set_in_call("nc-ann", 3)
        await bot.in_call("ann")
        said = caption("to the call", language="en", speaker=ann.hpb.session_id)
        id_ = await bot.hpb.send(to_call(said))
        if "recipient-call" in bot.hpb.features:
            assert await ann.captions(1) == ["to the call"]
        else:
            failed = await bot.until(Failed)
            assert (failed.code, failed.id) == ("invalid_format", id_)


async def test_the_largest_caption_arrives_and_a_larger_one_is_not_sent(stack: HpbStack) -> None:
    async with watch(stack.bot("r"), stack.user("ann", "r")) as (bot, ann):

        def said(length: int) -> Request:
            words = caption("a" * length, language="en", speaker="s")
            return to_session(ann.hpb.session_id, words)

        largest = 65_536 - len(said(0).frame("1"))
        with pytest.raises(TooBig):
            await bot.hpb.send(said(largest + 1))
        await bot.hpb.send(said(largest))
        assert [len(text) for text in await ann.captions(1)] == [largest]
        assert bot.hpb.joined


async def test_one_failed_request_is_told_and_the_stay_goes_on(stack: HpbStack) -> None:
    async with watch(stack.bot("r"), stack.user("ann", "r")) as (bot, ann):
        request = request_offer(ann.hpb.session_id)
        id_ = await bot.hpb.send(request)
        failed = await bot.until(Failed)
        assert (failed.code, failed.request, failed.id) == ("client_not_found", request, id_)
        said = caption("still here", language="en", speaker="s")
        await bot.hpb.send(to_session(ann.hpb.session_id, said))
        assert await ann.captions(1) == ["still here"]


async def test_janus_gone_is_told_for_each_request(stack: HpbStack) -> None:
    async with watch(stack.bot("r"), stack.user("ann", "r")) as (bot, ann):
        await stack.nextcloud.set_in_call("nc-ann", 3)
        await bot.in_call("ann")
        await stack.janus.stop()
        await bot.hpb.send(request_offer(ann.hpb.session_id))
        assert (await bot.until(Failed)).code in ("processing_failed", "client_not_found")
        assert bot.hpb.joined


async def test_a_room_may_be_any_for_a_bot(stack: HpbStack) -> None:
    async with watch(stack.bot("nowhere")) as (bot,):
        assert bot.hpb.joined


async def test_two_rooms_do_not_mix(stack: HpbStack) -> None:
    stack.nextcloud.rooms["s"] = {"name": "Other"}
    here = watch(stack.bot("r"), stack.user("ann", "r"))
    there = watch(stack.bot("s"), stack.user("bob", "s"))
    async with here as (bot, ann), there as (other, bob):
        await bot.hpb.send(to_room(caption("here", language="en", speaker="s")))
        await other.hpb.send(to_room(caption("there", language="en", speaker="s")))
        assert await ann.captions(1) == ["here"]
        assert await bob.captions(1) == ["there"]
        for who in (ann, bob):
            assert not [found for found in await who.during(0.2) if isinstance(found, Message)]


async def test_a_telephone_has_no_session_at_nextcloud(stack: HpbStack) -> None:
    phone = {"sessionid": "phone", "roomid": "r", "userid": "", "flags": 0, "incall": 9}
    added = {"type": "addsession", "addsession": {**phone, "user": {"displayname": "Phone"}}}
    async with watch(stack.bot("r"), stack.bot("r")) as (bot, bridge):
        await bridge.hpb.send(Request("internal", added))
        entered = await bot.until(
            Entered, lambda found: any(member.name == "Phone" for member in found.members)
        )
        (member,) = [who for who in entered.members if who.name == "Phone"]
        update = await bot.until(
            InCall, lambda found: any(who.virtual for who in found.participants)
        )
        (entry,) = [who for who in update.participants if who.virtual]
        assert entry.session_id == member.session_id
        assert entry.nextcloud_session_id == member.nextcloud_session_id == ""


async def test_what_nextcloud_pushes_arrives(stack: HpbStack) -> None:
    chat = {"type": "chat", "chat": {"refresh": True}}
    users = [stack.user(name, "r") for name in ("ann", "bob")]
    async with watch(*users, stack.bot("r")) as (ann, bob, bot):
        await stack.nextcloud.push("r", {"type": "message", "message": {"data": chat}})
        assert (await bot.until(RoomMessage)).data == chat
        changed = {"userids": ["ann"], "properties": {"name": "New"}}
        await stack.nextcloud.push("r", {"type": "update", "update": changed})
        assert (await bot.until(Properties)).properties == {"name": "New"}
        await stack.nextcloud.set_in_call("nc-ann", 3)
        await stack.nextcloud.end_call("r")
        assert (await bot.until(InCallAll)).flags == 0
        move = {"roomid": "s", "sessions": ["nc-bob"]}
        await stack.nextcloud.push("r", {"type": "switchto", "switchto": move})
        assert (await bob.until(Switch)).room == "s"
        gone = {"userids": ["bob"], "alluserids": ["ann"], "sessionids": ["nc-bob"]}
        await stack.nextcloud.push("r", {"type": "disinvite", "disinvite": gone})
        assert (await bot.until(Left)).session_ids == (bob.hpb.session_id,)
        await stack.nextcloud.delete("r")
        assert (await bot.until(Removed)).reason == "deleted"
        await ann.until(Removed)


async def test_who_is_replaced_does_not_fight_back(stack: HpbStack) -> None:
    async with watch(stack.user("ann", "r")) as (first,), watch(stack.user("ann", "r")) as (again,):
        with pytest.raises(Refused, match="room_session_reconnected"):
            await first.until(Offline)
        assert again.hpb.joined


async def test_anything_a_client_sends_is_survived_by_the_others(stack: HpbStack) -> None:
    async with watch(stack.user("ann", "r"), stack.bot("r")) as (ann, bot):
        surprises: list[dict[str, object]] = [
            {"type": "offer", "payload": None},
            {"type": ["candidate"], "payload": {"candidate": 7}},
            {"type": "moon", "roomType": "video", "deep": json.loads("[" * 50 + "]" * 50)},
            {},
        ]
        for surprise in surprises:
            await ann.hpb.send(to_room(surprise))
        said = caption("after all that", language="en", speaker="s")
        await ann.hpb.send(to_session(bot.hpb.session_id, said))
        assert await bot.captions(1) == ["after all that"]


async def test_a_server_nobody_runs_is_given_up(stack: HpbStack) -> None:
    await stack.server.stop()
    async with stack.bot("r", retry=Retry(patience=1.0)) as hpb:
        with pytest.raises(Lost):
            await Watched(hpb).joined()


async def test_ten_wrong_secrets_lock_out_the_right_one_too() -> None:
    async with HpbStack(NEWEST) as stack:
        async with asyncio.TaskGroup() as attackers:
            for _ in range(14):
                attackers.create_task(_knock(stack))
        async with stack.bot("r") as hpb:
            offline = await anext(hpb)
            assert isinstance(offline, Offline)
            assert offline.pause >= 300


async def _knock(stack: HpbStack) -> None:
    """Greet wrongly once, whatever comes of it."""
    async with stack.bot("r", secret="wrong") as hpb:
        try:
            async with asyncio.timeout(12):
                await anext(hpb)
        except (Refused, TimeoutError):
            pass
