"""What the settings of rooms do: each of them, on a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from unittest.mock import Mock

import pytest
from pydantic import ValidationError

from tests.unit.transcriber.rtc.sfu.members import Guest, track
from transcriber.errors import Overloaded
from transcriber.rtc import Media
from transcriber.rtc.ice import IceServer
from transcriber.rtc.sfu.options import RoomsOptions
from transcriber.rtc.sfu.room import Plan, Room, Witness
from transcriber.rtc.sfu.rooms import Rooms

LOUD, SOFT = 20, 40
"""Decibels below the loudest possible."""


class Watch(Witness):
    """Notes when others speak than before, and who that is."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, Mapping[str, int]]] = []

    def speaking(self, levels: Mapping[str, int]) -> None:
        self.seen.append((asyncio.get_running_loop().time(), levels))


@asynccontextmanager
async def rooms(most: int = 100, **settings: object) -> AsyncIterator[Rooms]:
    media = Mock(Media, now=asyncio.get_running_loop().time)
    made = Rooms(media, RoomsOptions.model_validate(settings), most=most)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(made.run())
        await asyncio.sleep(0)
        yield made
        made.stop()


def talkers(room: Room, *levels: int) -> list[Guest]:
    """Let people in whose last packet was so loud."""
    found = []
    for number, level in enumerate(levels):
        one, voice = Guest(f"par_{number}", room=room), track(f"par_{number}")
        one.send(voice)
        voice.loudest = level
        room.enter(one)
        found.append(one)
    return found


@pytest.mark.parametrize("interval", [200, 1500])
async def test_who_speaks_is_looked_for_once_an_interval(interval: int) -> None:
    async with rooms(SPEAKER_DETECTOR_INTERVAL_MS=interval) as made:
        room, watch = made.open(Plan()), Watch()
        room.watch(watch)
        (ann,) = talkers(room, LOUD)
        await asyncio.sleep(interval / 1000 - 0.01)
        assert watch.seen == []
        await asyncio.sleep(0.02)
        ((at, levels),) = watch.seen
        assert at == pytest.approx(interval / 1000)
        assert levels == {ann.id: LOUD}


@pytest.mark.parametrize(("threshold", "speaking"), [(SOFT - 1, {"par_0"}), (SOFT, None)])
async def test_whoever_is_below_the_threshold_does_not_speak(
    threshold: int, speaking: set[str] | None
) -> None:
    async with rooms(SPEAKER_DETECTOR_THRESHOLD=threshold) as made:
        room, watch = made.open(Plan()), Watch()
        room.watch(watch)
        talkers(room, LOUD, SOFT)
        await asyncio.sleep(1)
        assert watch.seen[0][1].keys() == (speaking or {"par_0", "par_1"})


@pytest.mark.parametrize(("most", "held"), [(0, 0), (1, 2), (2, 1), (20, 0)])
async def test_of_many_voices_the_loudest_are_passed_on(most: int, held: int) -> None:
    async with rooms(MAX_VOICES_PER_ROOM=most) as made:
        room = made.open(Plan())
        talkers(room, LOUD, LOUD + 1, SOFT)
        await asyncio.sleep(0.35)
        assert [one.held for one in room.tracks.values()] == [False] * (3 - held) + [True] * held


async def test_a_room_that_nobody_is_in_closes_after_a_while_and_no_other_does() -> None:
    async with rooms(ROOM_EMPTY_SECONDS=10) as made:
        empty, used = made.open(Plan()), made.open(Plan())
        (ann,) = talkers(used, LOUD)
        await asyncio.sleep(9)
        assert set(made.rooms) == {empty.id, used.id}
        await asyncio.sleep(2)
        assert set(made.rooms) == {used.id}
        ann.leave("left")
        await asyncio.sleep(11)
        assert made.rooms == {}


async def test_there_are_only_so_many_rooms_and_people_and_who_send() -> None:
    limits = {"MAX_PARTICIPANTS_PER_ROOM": 5, "MAX_PUBLISHERS_PER_ROOM": 4}
    async with rooms(1, **limits) as made:
        room = made.open(Plan(max_participants=50, max_publishers=50))
        assert (room.plan.max_participants, room.plan.max_publishers) == (5, 4)
        assert made.limited(Plan(max_participants=2, max_publishers=1)).max_participants == 2
        with pytest.raises(Overloaded, match=r"1 rooms already.*MAX_ROOMS_PER_NODE"):
            made.open(Plan())
        made.close(room)
        made.open(Plan())


async def test_nobody_is_let_in_while_we_stop() -> None:
    async with rooms() as made:
        room = made.open(Plan())
        made.stop()
        with pytest.raises(Overloaded, match="about to stop"):
            made.join(room, identity="ann", name="Ann", grants=("join",))
        with pytest.raises(Overloaded, match="about to stop"):
            await made.view(room, "", identity="ann", name="Ann")


def test_servers_that_help_to_find_a_way_are_told_to_browsers() -> None:
    options = RoomsOptions.model_validate(
        {
            "STUN_SERVERS": "stun:a.example:3478, stun:b.example",
            "TURN_SERVERS": "turn:c.example:3478",
            "TURN_USERNAME": "us",
            "TURN_PASSWORD": "s3cret",
        }
    )
    assert options.servers == [
        IceServer(("stun:a.example:3478", "stun:b.example")),
        IceServer(("turn:c.example:3478",), "us", "s3cret"),
    ]
    assert RoomsOptions.model_validate({}).servers == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("MAX_PARTICIPANTS_PER_ROOM", 0),
        ("MAX_PUBLISHERS_PER_ROOM", 0),
        ("MAX_VOICES_PER_ROOM", -1),
        ("ROOM_EMPTY_SECONDS", -1),
        ("SPEAKER_DETECTOR_THRESHOLD", 128),
        ("SPEAKER_DETECTOR_INTERVAL_MS", 199),
        ("STUN_SERVERS", "stun.example"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_by_name(name: str, wrong: object) -> None:
    with pytest.raises(ValidationError, match=name):
        RoomsOptions.model_validate({name: wrong})
