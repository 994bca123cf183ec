"""Forwarding: numbers that go on, losses repaired, layers changed at keyframes only."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.transcriber.rtc.sfu.members import by_hand
from transcriber.rtc import rtcp, rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.sfu.forwarder import Forwarder
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.outbox import Outbox
from transcriber.rtc.sfu.packet import Form

KEY, DELTA = b"\x10\x00key", b"\x10\x01delta"
"""VP8 payloads: a keyframe's beginning, and a picture that needs another."""


@dataclass
class Way:
    """A subscriber's link or the publisher's: remembers what goes through."""

    packets: list[bytes] = field(default_factory=list)
    control: list[rtcp.Item] = field(default_factory=list)

    def send(self, buffer: Buffer, size: int) -> None:
        self.packets.append(bytes(buffer.view[:size]))

    def send_control(self, packet: bytes) -> None:
        self.control += rtcp.read(packet, len(packet))

    @property
    def numbers(self) -> list[tuple[int, int]]:
        return [found[1:3] for data in self.packets if (found := rtp.parse(data, len(data)))]

    @property
    def payloads(self) -> list[bytes]:
        found = ((data, rtp.parse(data, len(data))) for data in self.packets)
        return [data[header[4] :] for data, header in found if header]


class Room:
    def __init__(self, codec: str = "vp8/90000", level: int = 0) -> None:
        self.up = Way()
        self.outbox = Outbox(Buffer(), by_hand)
        self.forwarder = Forwarder(self.outbox, self.up, codec=codec, level=level)
        self.buffer = Buffer()
        self.now = 10.0

    def send(self, number: int, payload: bytes, *, source: int = 7, level: int = 0) -> None:
        data = self.buffer.data
        start = rtp.write_header(
            data, 96, number & 0xFFFF, number * 3_000 & 0xFFFF_FFFF, source=source, marker=True,
            level=(3, level) if level else None,
        )  # fmt: skip
        data[start : start + len(payload)] = payload
        self.forwarder.media(self.buffer, start + len(payload), self.now)
        self.outbox.flush()
        self.now += 1 / 30

    def join(self, layer: int = 0, *, level: int = 0, sent_at: int = 0) -> tuple[Leg, Way]:
        way = Way()
        leg = Leg(way, Form(100, level, sent_at))
        self.forwarder.add(leg, self.now, layer=layer)
        return leg, way


def steps(numbers: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [
        (rtp.signed16(b[0] - a[0]), rtp.signed32(b[1] - a[1]))
        for a, b in itertools.pairwise(numbers)
    ]


def test_sound_reaches_everybody_with_numbers_of_their_own() -> None:
    room = Room("opus/48000", level=3)
    ways = [room.join(level=1)[1], room.join()[1]]
    for number in range(65_530, 65_545):
        room.send(number, b"voice", level=30)
    for way in ways:
        assert way.payloads == [b"voice"] * 15
        assert steps(way.numbers) == [(1, 3_000)] * 14
    first, second = (way.packets[0] for way in ways)
    assert first[1] == 0x80 | 100
    assert rtp.level(first, 20, 1) == 30
    assert len(second) == 12 + 5
    assert first[8:12] != second[8:12]


def test_somebody_who_left_gets_nothing() -> None:
    room = Room("opus/48000")
    leg, way = room.join()
    room.send(1, b"voice")
    room.forwarder.remove(leg)
    room.send(2, b"voice")
    assert len(way.packets) == 1


def test_a_picture_begins_at_a_keyframe_which_is_asked_for() -> None:
    room = Room()
    _, way = room.join()
    for number in range(3):
        room.send(number, DELTA)
    assert room.up.control == [rtcp.KeyframeWanted(7)]
    room.send(3, KEY)
    room.send(4, DELTA)
    assert way.payloads == [KEY, DELTA]


def test_layers_change_at_a_keyframe_and_the_numbers_go_on() -> None:
    room = Room()
    room.forwarder.bind(7, 0)
    room.forwarder.bind(8, 1)
    leg, way = room.join()
    for number in range(5):
        room.send(number, KEY if number == 0 else DELTA)
        room.send(30_000 + number, KEY if number == 0 else DELTA, source=8)
    room.forwarder.choose(leg, 1, room.now)
    assert rtcp.KeyframeWanted(8) in room.up.control
    room.send(30_005, DELTA, source=8)
    room.send(5, DELTA)
    room.send(30_006, KEY, source=8)
    room.send(6, DELTA)
    room.send(30_005, DELTA, source=8)
    room.send(30_007, DELTA, source=8)
    assert way.payloads == [KEY, *[DELTA] * 5, KEY, DELTA]
    assert all(step == 1 and 0 < ticks <= 9_000 for step, ticks in steps(way.numbers))


def test_what_a_subscriber_lost_is_sent_again_from_the_cache() -> None:
    room = Room("opus/48000")
    leg, way = room.join()
    for number in range(10):
        room.send(number, b"%d" % number)
    lost = [place[0] for place in way.numbers[3:5]]
    unknown = (lost[0] + 1_000) & 0xFFFF
    room.forwarder.control(leg, [rtcp.Missing(leg.source, (*lost, unknown))], room.now)
    room.forwarder.control(leg, [rtcp.Missing(1, tuple(lost))], room.now)
    assert way.payloads[10:] == [b"3", b"4"]
    assert way.numbers[10:] == way.numbers[3:5]


def test_who_has_no_picture_yet_gets_nothing_again() -> None:
    room = Room()
    leg, way = room.join()
    room.forwarder.control(leg, [rtcp.Missing(leg.source, (1,))], room.now)
    assert way.packets == []


def test_what_we_lost_is_asked_for_once() -> None:
    room = Room("opus/48000")
    for number in (65_534, 65_535, 2, 0, 1, 3, 100):
        room.send(number, b"voice")
    assert room.up.control == [rtcp.Missing(7, (0, 1))]


def test_requests_for_a_keyframe_are_bundled() -> None:
    room = Room()
    legs = [room.join()[0] for _ in range(5)]
    room.send(1, KEY)
    for leg in legs:
        room.forwarder.control(leg, [rtcp.KeyframeWanted(leg.source)], room.now)
    assert len(room.up.control) == 1
    room.now += 1
    room.forwarder.control(legs[0], [rtcp.KeyframeWanted(legs[0].source)], room.now)
    assert len(room.up.control) == 2


def test_packets_say_when_they_were_sent() -> None:
    room = Room("opus/48000", level=3)
    _, way = room.join(sent_at=5)
    _, both = room.join(sent_at=5, level=1)
    room.send(1, b"voice", level=30)
    for data, start in ((way.packets[0], 20), (both.packets[0], 24)):
        place = rtp.extension(data, start, 5)
        assert place is not None
        assert int.from_bytes(data[place[0] : place[0] + 3], "big") == 10 << 18
        assert data[start:] == b"voice"
    assert rtp.level(both.packets[0], 24, 1) == 30


def test_who_pauses_gets_nothing_and_goes_on_at_a_keyframe() -> None:
    room = Room()
    leg, way = room.join()
    room.send(1, KEY)
    room.forwarder.pause(leg, True, room.now)
    room.send(2, DELTA)
    room.now += 1
    room.forwarder.pause(leg, True, room.now)
    room.forwarder.pause(leg, False, room.now)
    assert room.up.control[-1] == rtcp.KeyframeWanted(7)
    room.send(3, DELTA)
    room.send(4, KEY)
    assert way.payloads == [KEY, KEY]
    assert steps(way.numbers)[0][0] == 1


def test_a_source_may_be_replaced_and_the_numbers_go_on() -> None:
    room = Room("opus/48000")
    room.forwarder.bind(7, 0)
    room.forwarder.bind(7, 0)
    _, way = room.join()
    for number in range(3):
        room.send(number, b"voice")
    room.forwarder.bind(8, 0)
    assert (room.forwarder.layers.source(0), room.forwarder.layers.source(1)) == (8, 0)
    for number in range(3):
        room.send(40_000 + number, b"other", source=8)
    assert way.payloads == [b"voice"] * 3 + [b"other"] * 3
    assert all(step[0] == 1 for step in steps(way.numbers))


def test_reports_carry_the_publishers_clock_to_subscribers() -> None:
    room = Room("opus/48000")
    leg, way = room.join()
    assert room.forwarder.report(leg, 0.0, room.now) == b""
    room.send(1, b"voice")
    first = rtcp.read(room.forwarder.report(leg, 500.0, room.now), 28)
    assert isinstance(first[0], rtcp.SenderReport)
    assert first[0].wall == 500.0
    room.forwarder.layers.told([rtcp.SenderReport(7, 1, 48_000, 1_000.0), rtcp.Bye((7,))], room.now)
    (second,) = rtcp.read(room.forwarder.report(leg, 500.0, room.now + 2), 28)
    assert isinstance(second, rtcp.SenderReport)
    assert second.wall == 1_002.0
    offset = way.numbers[0][1] - 3_000
    assert second.timestamp == (48_000 + 96_000 + offset) & 0xFFFF_FFFF
    assert len(room.forwarder.layers.blocks(room.now)) == 1


def test_rates_are_those_of_the_last_moment() -> None:
    room = Room("opus/48000")
    assert room.forwarder.layers.rates(10.0) == []
    room.now = 10.0
    for number in range(30):
        room.send(number, bytes(88))
    assert room.forwarder.layers.rates(10.5) == []
    (rate,) = room.forwarder.layers.rates(11.0)
    assert 20_000 < rate < 28_000
    assert room.forwarder.layers.rates(12.0) == [0.0]


def test_what_is_no_packet_or_too_large_is_dropped() -> None:
    room = Room("opus/48000")
    _, way = room.join()
    room.forwarder.media(room.buffer, 5, 0.0)
    room.send(1, bytes(1_950))
    assert way.packets == []


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), max_size=60))
def test_numbers_never_repeat_whatever_changes(moves: list[tuple[int, int]]) -> None:
    room = Room()
    room.forwarder.bind(7, 0)
    room.forwarder.bind(8, 1)
    leg, way = room.join()
    numbers = [0, 20_000]
    for layer, action in moves:
        if action == 3:
            room.forwarder.choose(leg, layer, room.now)
        else:
            numbers[layer] += 1
            payload = KEY if action == 0 else DELTA
            room.send(numbers[layer], payload, source=7 + layer)
    assert all(step == 1 and ticks > 0 for step, ticks in steps(way.numbers))


def test_what_is_held_is_left_out_and_what_follows_goes_on_where_it_stopped() -> None:
    room = Room("opus/48000")
    _, way = room.join()
    room.send(1, b"a")
    room.forwarder.hold(True)
    for number in range(2, 8):
        room.send(number, b"b")
        room.forwarder.hold(True)
    room.forwarder.hold(False)
    room.send(8, b"c")
    assert way.payloads == [b"a", b"c"]
    (first, then), (second, later) = way.numbers
    assert (second - first) & 0xFFFF == 1
    assert 0 < (later - then) & 0xFFFF_FFFF < 48_000


def test_what_came_before_is_neither_passed_on_again_nor_counted() -> None:
    room = Room()
    _, way = room.join()
    room.forwarder.layers.rates(1.0)
    for number in (0, 1, 1, 0, 2, 1):
        room.send(number, KEY if number == 0 else DELTA)
    assert way.payloads == [KEY, DELTA, DELTA]
    room.forwarder.layers.rates(3.0)
    assert room.forwarder.layers.arrived() == (3, 0)
