"""What the server promises to those who are in a room, by participants without a browser."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import aiohttp
import pytest

from tests.peers.rtc import Heard, network, tone, until
from tests.peers.service import service
from tests.peers.visitor import Visitor, open_room, visiting
from transcriber.rtc import Media
from transcriber.web.rooms.tokens import GRANTS, Claims, Tokens

SHORT = 25
"""Packets of half a second: finding another way takes longer."""
ADMIN = {"Authorization": "Bearer s3cret"}


class House:
    """The service, a room in it, and a way to let people in."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        media: Media,
        stack: AsyncExitStack,
        logged: list[str],
    ) -> None:
        self.http, self.media, self.logged = http, media, logged
        self._stack = stack
        self.room = ""

    async def open(self, **wish: Any) -> str:
        async with self.http.post("/api/v1/rooms", json=wish, headers=ADMIN) as answer:
            assert answer.status == 201, await answer.text()
            self.room = (await answer.json())["id"]
        return self.room

    async def token(self, *grants: str, room: str = "", **more: Any) -> str:
        wish = {"grants": grants or ("join", "publish", "subscribe"), **more}
        path = f"/api/v1/rooms/{room or self.room}/tokens"
        async with self.http.post(path, json=wish, headers=ADMIN) as answer:
            assert answer.status == 201, await answer.text()
            return str((await answer.json())["token"])

    async def door(self, room: str = "") -> Visitor:
        return await self._stack.enter_async_context(
            visiting(self.http, self.media, room or self.room)
        )

    async def visitor(self, name: str, *grants: str, **more: Any) -> Visitor:
        who = await self.door()
        await who.join(await self.token(*grants), name=name, **more)
        return who


@asynccontextmanager
async def house(**env: str) -> AsyncIterator[House]:
    with network():
        async with service(env=env) as (http, logged), Media() as media, AsyncExitStack() as stack:
            yield House(http, media, stack, logged)


def _enough(heard: Heard) -> bool:
    return heard.seconds >= 1.6


def _over(one: Visitor) -> bool:
    return one.sender.queued == 0


async def test_everybody_is_heard_by_all_others_and_by_nobody_twice() -> None:
    async with house() as place:
        await place.open()
        ann, bo, cleo = [await place.visitor(name) for name in ("Ann", "Bo", "Cleo")]
        tracks = {await one.publish(): one for one in (ann, bo, cleo)}
        for pitch, one in zip((600, 1_000, 1_700), (ann, bo, cleo), strict=True):
            one.sender.play(tone(60.0, pitch))
        for listener in (ann, bo, cleo):
            for track, speaker in tracks.items():
                if speaker is not listener:
                    heard = listener.hear(track)
                    await until(partial(_enough, heard), "sound")
                    pitch = {ann: 600, bo: 1_000, cleo: 1_700}[speaker]
                    assert heard.frequency() == pytest.approx(pitch, abs=3)
                else:
                    assert track not in listener.heard
        speakers = await bo.next("speakers")
        assert speakers["speakers"][0]["level_dbov"] >= -35
        await ann.say("leave")
        assert (await ann.next("closed"))["reason"] == "left"
        assert (await bo.next("left"))["reason"] == "left"


async def test_programs_learn_what_is_sent_and_who_speaks() -> None:
    path = "/api/v1/events/ws?types=track.*,speaker.changed"
    async with house() as place, place.http.ws_connect(path, headers=ADMIN) as listener:
        assert await listener.receive_json(timeout=20) == {"type": "ready"}

        async def next_event(kind: str) -> Any:
            event = {"type": ""}
            while event["type"] != kind:
                event = (await listener.receive_json(timeout=45))["event"]
                assert (event["session_id"], event["data"]["room"]) == (place.room, place.room)
            return event["data"]

        async def speaks(*people: str) -> Any:
            told = None
            while told is None or [one["person_id"] for one in told] != [*people]:
                told = (await next_event("speaker.changed"))["speakers"]
            return told

        await place.open()
        ann, bo = await place.visitor("Ann"), await place.visitor("Bo")
        people = [one.find("ready")[0]["participant_id"] for one in (ann, bo)]
        tracks = [await one.publish() for one in (ann, bo)]
        for person, track in zip(people, tracks, strict=True):
            sent = await next_event("track.published")
            assert (sent["person_id"], sent["track_id"], sent["kind"]) == (person, track, "audio")
        for person, one in zip(people, (ann, bo), strict=True):
            one.sender.play(tone(3.0))
            assert (await speaks(person))[0]["audio_level"] < 35
            await until(partial(_over, one), "the end of the tone")
            await speaks()
        await ann.say("leave")
        gone = await next_event("track.unpublished")
        assert (gone["person_id"], gone["track_id"]) == (people[0], tracks[0])


async def _flows(who: Visitor) -> None:
    """Wait until half a second of sound comes."""
    before = len(who.arrived)
    await until(lambda: len(who.arrived) >= before + SHORT, "sound")


async def _rests(who: Visitor) -> None:
    """Nothing comes any more, but for what was under way."""
    await asyncio.sleep(0.3)
    before = len(who.arrived)
    await asyncio.sleep(0.8)
    assert len(who.arrived) == before


async def test_what_is_not_wanted_does_not_come_until_it_is_wanted_again() -> None:
    async with house() as place:
        await place.open()
        ann, bo, cleo = [await place.visitor(name) for name in ("Ann", "Bo", "Cleo")]
        track = await ann.publish()
        ann.sender.play(tone(120.0))
        await _flows(bo)
        await bo.say("pause", track_id=track, paused=True)
        await bo.ask("ping", "pong")
        await _rests(bo)
        await bo.say("pause", track_id=track, paused=False)
        await _flows(bo)
        assert (await bo.ask("unsubscribe", "offer", track_id=track))["tracks"] == []
        await _rests(bo)
        await _flows(cleo)
        (told,) = (await bo.ask("subscribe", "offer", track_id=track))["tracks"]
        assert told["track_id"] == track
        await _flows(bo)


async def test_who_comes_back_still_does_not_get_what_they_did_not_want() -> None:
    async with house() as place:
        await place.open()
        ann, bo, cleo = [await place.visitor(name) for name in ("Ann", "Bo", "Cleo")]
        track = await ann.publish()
        ann.sender.play(tone(120.0))
        await _flows(bo)
        assert (await bo.ask("unsubscribe", "offer", track_id=track))["tracks"] == []
        resume = bo.find("ready")[0]["resume"]
        again = await place.door()
        assert (await again.join(await place.token(), resume=resume))["resumed"]
        await _rests(bo)
        fresh = await place.door()
        assert (await fresh.join(await place.token(), resume=resume, fresh=True))["resumed"]
        other = await cleo.publish()
        (told,) = (await fresh.next("offer"))["tracks"]
        assert told["track_id"] == other
        await _rests(fresh)
        offer = await fresh.ask("subscribe", "offer", track_id=track)
        assert {one["track_id"] for one in offer["tracks"]} == {track, other}
        await _flows(fresh)


async def test_who_comes_back_is_the_same_and_goes_on() -> None:
    async with house() as place:
        await place.open()
        ann, bo = await place.visitor("Ann"), await place.visitor("Bo")
        track = await ann.publish()
        ann.sender.play(tone(60.0))
        await until(lambda: bo.hear(track).seconds > 0.5, "sound")
        ready = bo.find("ready")[0]
        await bo.socket.close()
        again = await place.door()
        told = await again.join(await place.token(), resume=ready["resume"])
        assert (told["resumed"], told["participant_id"]) == (True, ready["participant_id"])
        assert [one["name"] for one in told["participants"]] == ["Ann"]
        assert not ann.find("left")
        before = bo.hear(track).seconds
        await until(lambda: bo.hear(track).seconds > before + 0.5, "sound without a conversation")
        scores = [one["score"] for one in ann.find("quality")]
        assert scores.index(0) < scores.index(5, scores.index(0)), "that Bo could not be reached"


async def test_a_page_that_was_loaded_again_gets_everything_anew() -> None:
    async with house() as place:
        await place.open()
        ann, bo = await place.visitor("Ann"), await place.visitor("Bo")
        track = await ann.publish()
        await bo.publish()
        ann.sender.play(tone(60.0))
        await until(lambda: bo.hear(track).seconds > 0.5, "sound")
        again = await place.door()
        resume = bo.find("ready")[0]["resume"]
        told = await again.join(await place.token(), resume=resume, fresh=True)
        assert told["resumed"]
        assert (await bo.next("closed"))["reason"] == "replaced"
        await ann.next("track.unpublished")
        await until(lambda: again.hear(track).seconds > 0.5, "sound on new connections")


async def test_both_connections_start_ice_again_and_nothing_is_lost() -> None:
    async with house() as place:
        await place.open()
        ann, bo = await place.visitor("Ann"), await place.visitor("Bo")
        track = await ann.publish()
        ann.sender.play(tone(60.0))
        await until(lambda: bo.hear(track).seconds > 0.5, "sound")
        before = len(ann.told)
        await ann.publisher.restart()
        sources = [{"mid": "0", "kind": "audio", "source": "microphone"}]
        offer = "".join(line for line in ann.offer().splitlines(True) if "candidate" not in line)
        await ann.say("publish", sdp=offer, tracks=sources)
        await ann.say("candidate", peer="publish", candidate=None)  # as without any network
        published = await ann.next("published", after=before)
        assert published["tracks"][0]["track_id"] == track
        await ann.connect_publish(published)
        offers = bo.offers
        await bo.say("restart", peer="subscribe")
        await until(lambda: bo.offers > offers, "another offer")
        heard = bo.hear(track).seconds
        await until(lambda: bo.hear(track).seconds > heard + 2, "sound on other ways")
        receiver = next(iter(bo._receivers.values()))
        assert receiver.statistics().lost < SHORT


async def test_tokens_open_only_their_room_and_only_what_they_grant() -> None:
    async with house() as place:
        other = await place.open()
        foreign = await place.token()
        await place.open()
        for token in ("", "rt1.x.y", foreign, await place.token("publish", "subscribe")):
            door = await place.door()
            await door.say("join", token=token)
            assert (await door.next("closed"))["reason"] == "token"
        guest = await place.visitor("Guest", "join")
        await guest.offer_publish()
        refused = await guest.next("error")
        assert (refused["code"], refused["for"]) == ("not_allowed", "publish")
        ann = await place.visitor("Ann")
        track = await ann.publish()
        beyond: dict[str, dict[str, Any]] = {
            "subscribe": {"track_id": track},
            "pause": {"track_id": track, "paused": True},
            "layer": {"track_id": track, "layer": "low"},
            "captions": {"on": True},
            "data": {"data": 1},
        }
        for type_, more in beyond.items():
            answer = await guest.ask(type_, "error", **more)
            assert (answer["code"], answer["for"]) == ("not_allowed", type_)
        await guest.ask("ping", "pong")
        assert guest.find("ready")[0]["participants"] == []
        assert {one["type"] for one in guest.told} == {"ready", "error", "pong"}
        mute = await place.visitor("Mute", "join", "publish")
        assert (await mute.ask("captions", "error", on=True))["code"] == "not_allowed"
        async with place.http.get(f"/api/v1/rooms/{other}") as listed:
            assert listed.status == 401
        bearer = {"Authorization": f"Bearer {await place.token('join')}"}
        path = f"/api/v1/rooms/{place.room}/transcript"
        async with place.http.get(path, headers=bearer) as shown:
            assert shown.status == 403


async def test_a_token_that_has_expired_or_was_changed_opens_nothing() -> None:
    async with house(ROOMS_SECRET="between-us") as place:
        room = await place.open()
        claims = Claims(room=room, identity="ann", expires=time.time() + 60)
        signer = Tokens("between-us")
        good, lead = signer.issue(claims), signer.issue(replace(claims, grants=GRANTS))
        prefix, body, signature = good.split(".")
        other = ("B" if signature[0] == "A" else "A") + signature[1:]
        refused = {
            "expired": signer.issue(replace(claims, expires=time.time() - 1)),
            "of a stranger": Tokens("a guess").issue(claims),
            "changed signature": f"{prefix}.{body}.{other}",
            "changed grants": f"{prefix}.{lead.split('.')[1]}.{signature}",
            "no signature": f"{prefix}.{body}.",
        }
        for why, token in refused.items():
            door = await place.door()
            await door.say("join", token=token)
            assert (await door.next("closed"))["reason"] == "token", why
        assert (await (await place.door()).join(good))["identity"] == "ann"


async def test_only_what_is_encrypted_is_sent_into_a_room_that_is() -> None:
    async with house() as place:
        await place.open(e2ee=True)
        ann, bo = await place.visitor("Ann"), await place.visitor("Bo")
        await ann.offer_publish()
        refused = await ann.next("error")
        assert (refused["code"], refused["for"]) == ("not_allowed", "publish")
        await bo.offer_publish(encryption="aes-128-gcm")
        told = await ann.next("track.published")
        assert told["track"]["encryption"] == "aes-128-gcm"
        await place.open()
        cleo = await place.visitor("Cleo")
        await cleo.offer_publish(encryption="aes-128-gcm")
        assert (await cleo.next("error"))["code"] == "not_allowed"


async def test_an_administrator_mutes_and_removes_and_nobody_else() -> None:
    async with house() as place:
        await place.open()
        ann, bo = await place.visitor("Ann"), await place.visitor("Bo")
        boss = await place.visitor("Boss", "join", "admin")
        track, person = await ann.publish(), ann.find("ready")[0]["participant_id"]
        assert (await bo.ask("mute", "error", track_id=track, muted=True))["code"] == "not_allowed"
        assert (await bo.ask("remove", "error", participant_id=person))["code"] == "not_allowed"
        await boss.say("mute", track_id=track, muted=True)
        assert (await ann.next("muted"))["muted"] is True
        ann.sender.play(tone(1.0))
        await asyncio.sleep(0.8)
        assert bo.hear(track).seconds == 0
        await boss.say("remove", participant_id=person)
        assert (await ann.next("closed"))["reason"] == "removed"


async def test_messages_reach_all_others_or_some_and_have_a_size() -> None:
    async with house() as place:
        await place.open()
        ann, bo, cleo = [await place.visitor(name) for name in ("Ann", "Bo", "Cleo")]
        await ann.say("data", data={"hello": 1})
        assert (await bo.next("data"))["data"] == {"hello": 1}
        await ann.say("data", data="psst", to=[cleo.find("ready")[0]["participant_id"]])
        await until(lambda: len(cleo.find("data")) == 2, "a message for one")
        assert len(bo.find("data")) == 1
        assert (await ann.ask("data", "error", data="x" * 20_000))["code"] == "bad_message"
        assert (await ann.ask("data", "error", data=1, to=["nobody"]))["code"] == "not_found"


async def test_limits_are_told() -> None:
    env = {
        "MAX_ROOMS_PER_NODE": "2", "MAX_PUBLISHERS_PER_ROOM": "1", "MAX_PARTICIPANTS_PER_ROOM": "2",
        "ROOM_EMPTY_SECONDS": "10", "ROOMS_OPEN": "true",
    }  # fmt: skip
    async with house(**env) as place:
        room = await place.open()
        ann, bo = await place.visitor("Ann"), await place.visitor("Bo")
        third = await place.door()
        await third.say("join", token=await place.token())
        assert (await third.next("closed"))["reason"] == "full"
        await ann.publish()
        await bo.offer_publish()
        assert (await bo.next("error"))["code"] == "overloaded"
        empty = (await open_room(place.http))["room_id"]
        async with place.http.post("/api/v1/rooms", json={}, headers=ADMIN) as answer:
            assert answer.status == 503
            assert "MAX_ROOMS_PER_NODE" in (await answer.json())["detail"]
        listed = [room, empty]
        async with asyncio.timeout(60):
            while empty in listed:
                await asyncio.sleep(0.5)
                async with place.http.get("/api/v1/rooms", headers=ADMIN) as answer:
                    listed = [one["id"] for one in (await answer.json())["items"]]
        assert listed == [room]
        async with place.http.get(f"/api/v1/rooms/{empty}", headers=ADMIN) as answer:
            assert answer.status == 404
        async with place.http.delete(f"/api/v1/rooms/{room}", headers=ADMIN) as answer:
            assert answer.status == 204
        assert (await ann.next("closed"))["reason"] == "room_closed"


async def test_open_rooms_are_made_and_entered_only_where_allowed_and_not_too_often() -> None:
    async with house() as place, place.http.post("/api/v1/open/rooms", json={}) as answer:
        assert answer.status == 404
    async with house(ROOMS_OPEN="true") as place:
        closed = await place.open()
        async with place.http.post(f"/api/v1/open/rooms/{closed}/tokens") as answer:
            assert answer.status == 404
        made = await open_room(place.http, name="Stand-up")
        path = f"/api/v1/open/rooms/{made['room_id']}/tokens"
        statuses: list[int] = []
        while len(statuses) < 70 and 429 not in statuses:  # the minute they count in may turn
            async with place.http.post(path) as answer:
                statuses.append(answer.status)
        assert statuses[0] == 201
        assert statuses[-1] == 429
