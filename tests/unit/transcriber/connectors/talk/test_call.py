"""A stay in one room: who is told what, and when it is over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hpb import Client
from tests.fakes.call import FakeListener
from tests.unit.hpb.server import event, signaling
from tests.unit.hpb.wires import Network
from transcriber.call import Caption
from transcriber.connectors.talk.call import (
    EMPTY,
    Encrypted,
    Server,
    Talk,
    TalkCall,
    Unconnected,
    Unwelcome,
)
from transcriber.events import Failure
from transcriber.rtc import Media


class Rehearsal(Talk):
    """Talk without a network."""

    def __init__(self) -> None:
        super().__init__(Server("", "", ""), Media())
        self.network = Network()

    def client(self, room: str) -> Client:
        return Client("", signaling(), dial=self.network.dial)


class Stay:
    """A call that runs, and what happens in its room."""

    def __init__(self) -> None:
        self.talk = Rehearsal()
        self.network = self.talk.network
        self.awaited: tuple[str, ...] = ()
        self.call: TalkCall = self.talk.connect("r", lambda: self.awaited)
        self.running: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[Stay]:
        self.running = asyncio.create_task(self.call.run(FakeListener()))
        await asyncio.sleep(0.1)
        try:
            yield self
        finally:
            self.call.hang_up()
            await asyncio.wait({self.running})
            self.talk.media.close()
        self.running.result()

    @property
    def over(self) -> bool:
        return bool(self.running and self.running.done())

    async def come(self, *names: str, session: str = "") -> None:
        join = [{"sessionid": session or name, "roomsessionid": f"nc-{name}"} for name in names]
        self.network.say(event("room", "join", join=join))
        await asyncio.sleep(0.01)

    async def flag(self, name: str, flags: int) -> None:
        users = [{"sessionId": name, "inCall": flags}]
        self.network.say(event("participants", "update", update={"roomid": "r", "users": users}))
        await asyncio.sleep(0.01)

    async def show(self, text: str, *readers: str, final: bool = True) -> None:
        caption = Caption("ann", text, "en", final)
        await self.call.show(caption, [f"nc-{reader}" for reader in readers])
        await asyncio.sleep(0.01)

    @property
    def shown(self) -> list[tuple[str, str, str]]:
        sent = [one["message"] for one in self.network.server.heard if one["type"] == "message"]
        return [
            (one["recipient"]["sessionid"], one["data"]["speakerSessionId"], one["data"]["message"])
            for one in sent
            if one["data"]["type"] == "transcript"
        ]


@pytest.fixture
async def stay() -> AsyncIterator[Stay]:
    async with Stay().going_on() as stay:
        yield stay


async def test_captions_go_to_the_readers_and_not_back_to_the_speaker(stay: Stay) -> None:
    await stay.come("ann", "bob", "cid")
    await stay.show("hello", "ann", "bob")
    assert stay.shown == [("bob", "ann", "hello")]


async def test_a_reader_who_is_not_there_yet_gets_what_was_said_meanwhile(stay: Stay) -> None:
    await stay.come("ann")
    await stay.show("one", "bob")
    await stay.show("two?", "bob", final=False)
    await stay.show("two", "bob")
    assert stay.shown == []
    await stay.come("bob")
    assert stay.shown == [("bob", "ann", "one"), ("bob", "ann", "two")]


async def test_captions_wait_while_we_are_cut_off(stay: Stay) -> None:
    await stay.come("ann", "bob")
    stay.network.cut()
    await asyncio.sleep(0)
    await stay.show("meanwhile", "bob")
    await asyncio.sleep(5)
    assert stay.shown == [("bob", "ann", "meanwhile")]


async def test_after_a_restart_everybody_is_found_in_his_new_place(stay: Stay) -> None:
    await stay.come("ann", "bob")
    stay.network.play("restart")
    await asyncio.sleep(0)
    for text in ("one", "two"):  # the first is on its way when the connection breaks
        await stay.show(text, "bob")
    await stay.show("maybe", "bob", final=False)
    await asyncio.sleep(5)
    await stay.come("ann", session="ann-2")
    await stay.come("bob", session="bob-2")
    assert stay.shown == [("bob-2", "ann-2", "one"), ("bob-2", "ann-2", "two")]


async def test_nobody_gets_the_text_of_a_room_he_has_left(stay: Stay) -> None:
    await stay.come("ann", "bob")
    stay.network.say(event("room", "leave", leave=["bob"]))
    await asyncio.sleep(0.01)
    await stay.show("secret", "bob")
    assert stay.shown == []


async def test_who_is_sent_into_the_lobby_reads_on_when_let_in_again(stay: Stay) -> None:
    await stay.come("ann", "bob")
    lobby = {"roomid": "r", "properties": {"name": "Room", "lobby-state": 1}}
    stay.network.say(json.dumps({"type": "room", "room": lobby}))
    stay.network.say(event("room", "leave", leave=["bob"]))
    await asyncio.sleep(0.01)
    await stay.show("among moderators", "bob")
    stay.network.play("restart")
    await asyncio.sleep(5)
    await stay.come("ann")
    await stay.show("still among them", "bob")
    await stay.come("bob", session="bob-2")
    await stay.show("for all", "bob")
    assert stay.shown == [("bob-2", "ann", "for all")]
    assert not stay.over


async def test_who_goes_into_a_breakout_room_gets_nothing_more_of_this_one(stay: Stay) -> None:
    await stay.come("ann", "bob")
    await stay.flag("ann", 3)
    stay.network.say(event("room", "switchto", switchto={"roomid": "r-1"}))  # nobody means us
    stay.network.say(event("room", "leave", leave=["ann", "bob"]))
    await asyncio.sleep(0.01)
    await stay.show("the last words", "bob")
    await asyncio.sleep(EMPTY + 2)
    assert stay.shown == []
    assert stay.over


async def test_a_reader_of_another_nextcloud_is_found(stay: Stay) -> None:
    """Some servers say so before his session, and each of them names what Nextcloud does not."""
    bob = {"sessionid": "bob", "roomsessionid": "federated|nc-bob", "federated": True}
    stay.network.say(event("room", "join", join=[bob, {"sessionid": "ann"}]))
    await asyncio.sleep(0.01)
    await stay.show("hello", "bob")
    assert stay.shown == [("bob", "ann", "hello")]


async def test_a_ghost_keeps_nobody_from_being_heard_and_no_call_alive(stay: Stay) -> None:
    """His browser died: he is in every list, and his stream is never offered."""
    await stay.come("ghost", "ann")
    await stay.flag("ghost", 3)
    await stay.flag("ann", 3)
    await asyncio.sleep(3 * EMPTY)
    sent = [one["message"] for one in stay.network.server.heard if one["type"] == "message"]
    asked = [one["recipient"]["sessionid"] for one in sent if "requestoffer" in str(one)]
    assert asked.count("ghost") > 2
    assert not stay.over
    for gone in ("ann", "ghost"):
        stay.network.say(event("room", "leave", leave=[gone]))
    await asyncio.sleep(EMPTY + 2)
    assert stay.over


async def test_other_bots_are_no_company(stay: Stay) -> None:
    """Another instance of ours, or a recorder: nobody who speaks, and nobody to stay for."""
    bots = [{"sessionId": name, "inCall": 1, "internal": True} for name in ("b1", "b2")]
    stay.network.say(event("participants", "update", update={"roomid": "r", "users": bots}))
    await asyncio.sleep(EMPTY + 2)
    assert stay.over
    assert "requestoffer" not in str(stay.network.server.heard)


async def test_an_empty_call_is_over_after_a_while(stay: Stay) -> None:
    await stay.come("ann")
    await stay.flag("ann", 1)
    await asyncio.sleep(10 * EMPTY)
    assert not stay.over
    await stay.flag("ann", 0)
    await asyncio.sleep(EMPTY - 5)
    assert not stay.over
    await asyncio.sleep(10)
    assert stay.over


async def test_a_call_that_nobody_reads_any_more_is_left_after_a_while(stay: Stay) -> None:
    """Nextcloud does not tell when somebody who asked for captions goes."""
    stay.awaited = ("nc-bob", "nc-cid")
    await stay.come("ann", "bob")
    await stay.flag("ann", 3)
    await asyncio.sleep(10 * EMPTY)
    assert not stay.over
    stay.network.say(event("room", "leave", leave=["bob"]))
    await asyncio.sleep(EMPTY - 5)
    await stay.come("bob", session="bob-2")
    await asyncio.sleep(10 * EMPTY)
    assert not stay.over
    stay.network.say(event("room", "leave", leave=["bob-2"]))
    await asyncio.sleep(EMPTY + 2)
    assert stay.over


async def test_a_call_that_was_ended_is_over_at_once(stay: Stay) -> None:
    await stay.come("ann")
    await stay.flag("ann", 1)
    ended = {"roomid": "r", "incall": 0, "all": True}
    stay.network.say(event("participants", "update", update=ended))
    await asyncio.sleep(1)
    assert stay.over


async def test_hanging_up_says_goodbye(stay: Stay) -> None:
    stay.call.hang_up()
    await asyncio.sleep(1)
    assert stay.over
    assert stay.network.server.types()[-1] == "bye"
    await stay.show("too late", "bob")


async def test_a_refusal_says_what_to_change() -> None:
    stay = Stay()
    stay.network.server.refusal = "invalid_token"
    with pytest.raises(Unwelcome, match="LT_INTERNAL_SECRET"):
        await stay.call.run(FakeListener())
    stay.talk.media.close()
    assert len(stay.network.dials) == 1
    assert not Unwelcome.retryable


async def test_a_server_that_stays_away_is_told_once_and_tried_on() -> None:
    told: list[Failure] = []
    stay = Stay()
    stay.talk.tell = told.append
    async with stay.going_on():
        stay.network.cut()
        await asyncio.sleep(5)
        assert told == []
        stay.network.down = True
        stay.network.cut()
        await asyncio.sleep(2 * EMPTY)
        assert [one.code for one in told] == ["signaling_lost"]
        assert "check LT_HPB_URL" in told[0].message
        stay.network.down = False
        await asyncio.sleep(20)
        await stay.come("bob")
        await stay.show("hello", "bob")
        assert [text for _, _, text in stay.shown] == ["hello"]


async def test_a_server_that_is_never_reached_is_given_up_and_it_is_said_why() -> None:
    stay = Stay()
    stay.network.down = True
    with pytest.raises(Unconnected, match="connection refused; check LT_HPB_URL"):
        await stay.call.run(FakeListener())
    stay.talk.media.close()
    assert not Unconnected.retryable


async def test_an_encrypted_call_is_refused_at_once_and_says_what_to_change() -> None:
    stay = Stay()

    async def encrypted() -> bool:
        return True

    stay.talk.encrypted = encrypted
    with pytest.raises(Encrypted, match="switch off end-to-end") as refused:
        await stay.call.run(FakeListener())
    stay.talk.media.close()
    assert not refused.value.retryable
    await stay.show("nothing", "bob")
    assert stay.shown == []


async def test_who_hangs_up_need_not_know_whether_the_call_was_encrypted() -> None:
    stay = Stay()

    async def never() -> bool:
        await asyncio.Event().wait()
        return True

    stay.talk.encrypted = never
    async with stay.going_on():
        pass
    assert stay.over
