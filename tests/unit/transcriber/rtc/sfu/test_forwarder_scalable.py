"""Forwarding of pictures of which parts can be left out."""

from __future__ import annotations

import itertools

import pytest

from tests.unit.transcriber.rtc.sfu.members import by_hand
from tests.unit.transcriber.rtc.sfu.pictures import av1, structure, vp9
from tests.unit.transcriber.rtc.sfu.test_forwarder import Way, steps
from transcriber.rtc import rtcp, rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.sfu.forwarder import Forwarder
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.outbox import Outbox
from transcriber.rtc.sfu.packet import Form, Packet

NEEDS = 5


class Room:
    """A publisher whose picture has three sizes, one packet each."""

    def __init__(self, codec: str) -> None:
        self.up, self.now = Way(), 10.0
        self.codec = codec
        self.forwarder = Forwarder(
            Outbox(Buffer(), by_hand), self.up, codec=codec, level=0, needs=NEEDS
        )
        self.sequence = self.picture = 0

    def join(self, layer: int) -> tuple[Leg, Way]:
        way = Way()
        leg = Leg(way, Form(100, needs=4))
        self.forwarder.add(leg, self.now, layer=layer)
        return leg, way

    def show(self, *, alone: bool = False) -> None:
        """Send one picture."""
        self.picture += 1
        self.now += 1 / 30
        for size in range(3):
            payload, needs = vp9(size, alone=alone, sizes=3 * alone), b""
            if self.codec == "av1/90000":
                brings = structure() if alone and not size else ""
                payload = bytes((8 if brings else 0,)) + b"picture"
                needs = av1(2 * size, brings=brings)
            self.send(payload, needs, last=size == 2)

    def send(self, payload: bytes, needs: bytes = b"", *, last: bool = True) -> None:
        """Send one packet."""
        packet = Packet(0, 0, 0x80 * last, 0, payload, self.now, needs=needs)
        buffer, data = Buffer(), bytearray(Form(96, needs=NEEDS).write(packet))
        data[2:4] = self.sequence.to_bytes(2, "big")
        data[4:8] = (self.picture * 3_000).to_bytes(4, "big")
        data[8:12] = (7).to_bytes(4, "big")
        buffer.view[: len(data)] = data
        self.forwarder.media(buffer, len(data), self.now)
        self.sequence += 1


def sizes(way: Way) -> list[int]:
    """The sizes that came, in VP9."""
    return [payload[2] >> 1 & 7 for payload in way.payloads]


def test_everybody_gets_the_size_they_want_without_gaps() -> None:
    room = Room("vp9/90000")
    ways = [room.join(layer)[1] for layer in range(3)]
    room.show(alone=True)
    for _ in range(3):
        room.show()
    assert [sizes(way) for way in ways] == [[0] * 4, [0, 1] * 4, [0, 1, 2] * 4]
    for way in ways:
        assert all(step == 1 for step, _ in steps(way.numbers))
        marked = [bool(data[1] & 0x80) for data in way.packets]
        assert marked == [*([False] * (marked.index(True))), True] * 4


def test_a_larger_size_begins_at_a_keyframe_which_is_asked_for_and_a_smaller_one_at_once() -> None:
    room = Room("vp9/90000")
    leg, way = room.join(0)
    room.show(alone=True)
    room.forwarder.choose(leg, 1, room.now)
    room.forwarder.choose(leg, 2, room.now)
    assert len(room.up.control) == 1
    for _ in range(20):
        room.show()
    assert len(room.up.control) == 2, "it is asked for again, but not at once"
    room.show(alone=True)
    room.forwarder.choose(leg, 0, room.now)
    room.show()
    assert sizes(way) == [0] * 21 + [0, 1, 2] + [0]
    assert len(room.up.control) == 2


def test_what_was_lost_is_sent_again_under_its_number() -> None:
    room = Room("vp9/90000")
    leg, way = room.join(0)
    room.sequence = 30_000
    room.show(alone=True)
    for _ in range(4):
        room.show()
    lost = way.numbers[3][0]
    room.forwarder.control(leg, [rtcp.Missing(leg.source, (lost, lost + 50))], room.now)
    assert len(way.packets) == 6
    assert way.packets[5] == way.packets[3]


def test_who_paused_goes_on_under_the_next_number() -> None:
    room = Room("vp9/90000")
    leg, way = room.join(1)
    room.show(alone=True)
    room.forwarder.pause(leg, True, room.now)
    room.show()
    room.forwarder.pause(leg, False, room.now)
    room.show(alone=True)
    room.show()
    assert sizes(way) == [0, 1] * 3
    assert all(step == 1 for step, _ in steps(way.numbers))
    assert all(later > before for before, later in itertools.pairwise(way.numbers))


def test_packets_of_av1_keep_what_they_say_beside_their_payload() -> None:
    room = Room("av1/90000")
    _, way = room.join(1)
    room.show(alone=True)
    room.show()
    assert len(way.packets) == 4
    for data, template in zip(way.packets, (0, 2, 0, 2), strict=True):
        header = rtp.parse(data, len(data))
        assert header
        found = rtp.extension(data, header[4], 4)
        assert found
        assert data[found[0]] & 63 == template


@pytest.mark.parametrize("codec", ["vp9/90000", "av1/90000"])
def test_rates_are_those_of_a_size_with_all_below_it(codec: str) -> None:
    room = Room(codec)
    room.forwarder.layers.rates(10.0)
    room.show(alone=True)
    room.forwarder.layers.rates(12.0)
    for _ in range(10):
        room.show()
    small, middle, large = room.forwarder.layers.rates(14.0)
    assert 0 < small < middle < large
    assert large == pytest.approx(3 * small)


def test_a_packet_that_says_nothing_of_its_part_is_left_out_of_a_picture_that_has_some() -> None:
    room = Room("vp9/90000")
    _, way = room.join(2)
    room.show(alone=True)
    room.send(b"\x00picture")
    assert len(way.packets) == 3
