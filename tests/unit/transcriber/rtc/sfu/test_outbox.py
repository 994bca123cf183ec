"""What arrived together leaves together: of one size where that is cheap, each source in order."""

from __future__ import annotations

import errno
import itertools
import os
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from pylibsrtp import Policy, Session

from tests.unit.transcriber.rtc.sfu.members import Up, by_hand
from transcriber.rtc import rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.link import Link
from transcriber.rtc.sfu.forwarder import Forwarder
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.outbox import FILL, Outbox
from transcriber.rtc.sfu.packet import Form
from transcriber.rtc.srtp import Inbound

GCM = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
SHA1 = Policy.SRTP_PROFILE_AES128_CM_SHA1_80
PEOPLE = 30


@dataclass
class Socket:
    """Remembers what is sent through it, and can refuse to cut."""

    refusal: int = 0
    calls: list[list[bytes]] = field(default_factory=list)

    def sendmsg(self, parts: list[memoryview], said: list[Any], *_: object) -> None:
        if self.refusal:
            raise OSError(self.refusal, "no")
        size = int.from_bytes(said[0][2], "little")
        data = bytes(parts[0])
        self.calls.append([data[at : at + size] for at in range(0, len(data), size)])

    def sendto(self, data: memoryview, _: object) -> None:
        self.calls.append([bytes(data)])


class Listener:
    """Somebody with a key of their own, who decrypts what they get."""

    def __init__(self, profile: int, refusal: int = 0) -> None:
        key = os.urandom(28 if profile == GCM else 30)
        out = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        out.allow_repeat_tx = True
        self.socket = Socket(refusal)
        transport = SimpleNamespace(_sock=self.socket)
        pair = SimpleNamespace(protocol=SimpleNamespace(transport=transport), remote_addr=())
        connection = SimpleNamespace(_protocols=[], _nominated={1: pair})
        session = Session(out)
        dtls: Any = SimpleNamespace(
            _rx_srtp=session, _tx_srtp=session, transport=SimpleNamespace(_connection=connection)
        )
        nobody: Any = None
        self.link = Link(dtls, nobody, on_media=nobody, on_control=nobody)
        policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
        self._inbound, self._buffer = Inbound(Session(policy)), Buffer()

    def got(self) -> dict[int, list[tuple[int, bytes]]]:
        """Return number and payload of all packets, by source."""
        found: dict[int, list[tuple[int, bytes]]] = {}
        buffer = self._buffer
        for packet in itertools.chain.from_iterable(self.socket.calls):
            buffer.view[: len(packet)] = packet
            size = self._inbound.media(buffer, len(packet))
            header = rtp.parse(buffer.data, size)
            assert header
            payload = bytes(buffer.view[header[4] : header[5]])
            found.setdefault(header[3], []).append((header[1], payload))
        self.socket.calls.clear()
        return found


class Hall:
    """Some speakers, and many listeners to all of them."""

    def __init__(self, speakers: int, profile: int = GCM, refusal: int = 0) -> None:
        self.outbox = Outbox(Buffer(), by_hand)
        self.speakers = [Forwarder(self.outbox, Up(), codec="opus/48000") for _ in range(speakers)]
        self.listeners = [Listener(profile, refusal) for _ in range(PEOPLE)]
        self.legs = [[Leg(one.link, Form(111, 1)) for one in self.listeners] for _ in self.speakers]
        for speaker, legs in zip(self.speakers, self.legs, strict=True):
            for leg in legs:
                speaker.add(leg, 0.0)
        self._buffer = Buffer()
        self.say(0, *(b"hello" for _ in self.speakers))
        for listener in self.listeners:
            listener.got()

    def say(self, number: int, *payloads: bytes) -> None:
        """Have everybody say something in one turn."""
        self.post(number, *payloads)
        self.outbox.flush()

    def post(self, number: int, *payloads: bytes) -> None:
        for speaker, payload in zip(self.speakers, payloads, strict=True):
            data = self._buffer.data
            start = rtp.write_header(data, 111, number & 0xFFFF, number * 960, source=7)
            data[start : start + len(payload)] = payload
            speaker.media(self._buffer, start + len(payload), number * 0.02)


async def test_everybody_gets_what_all_say_in_one_call() -> None:
    hall = Hall(3)
    said = (bytes(40), bytes(40 - FILL), bytes(range(40)))
    hall.say(1, *said)
    for place, listener in enumerate(hall.listeners):
        assert len(listener.socket.calls) == 1
        got = listener.got()
        for legs, payload in zip(hall.legs, said, strict=True):
            leg = legs[place]
            assert got[leg.source] == [((1 + leg.sequence) & 0xFFFF, payload)]


async def test_what_is_of_another_size_leaves_in_another_call() -> None:
    hall = Hall(2)
    hall.say(1, bytes(40), bytes(40 - FILL - 1))
    assert [len(one.socket.calls) for one in hall.listeners] == [2] * PEOPLE


async def test_the_packets_of_a_source_stay_in_order() -> None:
    hall = Hall(2)
    for number, size in enumerate((50, 120, 50), 1):
        hall.post(number, bytes(size), bytes(size + 1))
    hall.outbox.flush()
    for place, listener in enumerate(hall.listeners):
        got = listener.got()
        for extra, legs in enumerate(hall.legs):
            sizes = [len(payload) for _, payload in got[legs[place].source]]
            assert sizes == [50 + extra, 120 + extra, 50 + extra]


async def test_with_another_encryption_everybody_gets_it_one_by_one() -> None:
    hall = Hall(2, SHA1)
    hall.say(1, b"first", b"other")
    for listener in hall.listeners:
        assert len(listener.socket.calls) == 2
        assert sorted(p for found in listener.got().values() for _, p in found) == [
            b"first",
            b"other",
        ]


async def test_where_nothing_can_be_cut_everybody_gets_it_one_by_one() -> None:
    hall = Hall(2, refusal=errno.EIO)
    hall.say(1, b"first", b"other")
    assert all(len(one.got()) == 2 for one in hall.listeners)


async def test_what_a_full_socket_does_not_take_is_counted() -> None:
    hall = Hall(2, refusal=errno.EAGAIN)
    hall.say(1, b"first", b"other")
    assert all(one.link.unsent == 2 and not one.got() for one in hall.listeners)


async def test_counters_are_true_once_they_are_settled() -> None:
    hall = Hall(1)
    leg = hall.legs[0][0]
    before = leg.octets
    for number in range(1, 4):
        hall.say(number, bytes(30))
    hall.speakers[0].settle()
    assert (leg.sent, leg.octets - before) == (4, 3 * (30 + 12 + 8))


async def test_who_pauses_gets_nothing_and_the_others_do() -> None:
    hall = Hall(1)
    hall.speakers[0].pause(hall.legs[0][0], True, 0.0)
    hall.say(1, b"word")
    assert [len(one.got()) for one in hall.listeners] == [0, *[1] * (PEOPLE - 1)]


async def test_what_is_repeated_is_the_same_packet_again() -> None:
    hall = Hall(2)
    hall.say(1, bytes(40), bytes(30))
    leg, listener = hall.legs[1][0], hall.listeners[0]
    (first,) = listener.socket.calls
    again = [(1 + leg.sequence) & 0xFFFF]
    hall.speakers[1]._again(leg, again)
    assert listener.socket.calls[1][0] in first


async def test_an_old_packet_is_looked_at_for_everybody() -> None:
    hall = Hall(1)
    for number in (2, 1):
        hall.say(number, b"%d" % number)
    for listener in hall.listeners:
        (found,) = listener.got().values()
        assert [payload for _, payload in found] == [b"2", b"1"]


async def test_of_what_is_held_since_it_came_nothing_leaves() -> None:
    hall = Hall(1)
    hall.post(1, b"word")
    hall.speakers[0].hold(True)
    hall.outbox.flush()
    assert not any(one.got() for one in hall.listeners)


async def test_many_packets_leave_in_as_many_calls_as_are_needed() -> None:
    hall = Hall(70)
    hall.say(1, *(bytes(20) for _ in hall.speakers))
    for listener in hall.listeners:
        assert [len(call) for call in listener.socket.calls] == [64, 6]
        assert len(listener.got()) == 70
