"""A hundred thousand malformed packets, and peers that vanish: counted, told, survived."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from aioice import stun

from tests.peers.rtc import Heard, network, tone, until
from transcriber.audio.block import Block
from transcriber.errors import BadInput
from transcriber.rtc import Ears, Media, Peer, ice, rtcp, rtp, sdp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.formats import agree
from transcriber.rtc.receiver import Formats, Receiver
from transcriber.rtc.sfu.forwarder import Forwarder
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.outbox import Outbox
from transcriber.rtc.sfu.packet import Form

PACKETS, CHECKS, DESCRIPTIONS = 100_000, 20_000, 5_000
OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 40000 UDP/TLS/RTP/SAVPF 111 63 9 0 13 110
c=IN IP4 192.0.2.10
a=candidate:1 1 udp 2122260223 192.0.2.10 40000 typ host generation 0
a=ice-ufrag:user
a=ice-pwd:password
a=fingerprint:sha-256 aa:bb
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:110 telephone-event/48000
"""
FORMATS = Formats(
    codecs={111: "opus/48000", 0: "pcmu/8000"},
    red=frozenset({63}),
    noise=frozenset({13}),
    keys=frozenset({110}),
    again={64: 111},
    level=1,
)


class Nowhere:
    """Takes what a forwarder sends, and asks for."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, buffer: Buffer, size: int) -> None:
        self.sent += 1

    def send_control(self, packet: bytes) -> None:
        self.sent += 1


def packets(seed: int) -> Iterator[tuple[bytes, float]]:
    """Yield packets that are nearly right, and when they arrive."""
    chance = random.Random(seed)
    for number in range(PACKETS):
        first = chance.choice((0x80, 0x80, 0x90, 0xB0, 0xA0, 0x8F, 0x00))
        kind = chance.choice((111, 111, 111, 63, 64, 13, 110, 0, 77))
        sequence = number if chance.random() < 0.9 else chance.randrange(65_536)
        head = bytes((first, kind)) + (sequence & 0xFFFF).to_bytes(2, "big")
        head += (number * 960 & 0xFFFF_FFFF).to_bytes(4, "big") + bytes((0, 0, 0, number % 3 // 2))
        yield head + chance.randbytes(chance.randrange(40)), number * 0.02


def test_malformed_media_is_counted_and_never_raises() -> None:
    blocks: list[Block] = []
    waiting: set[Receiver] = set()
    buffer, outbox = Buffer(), Outbox(Buffer(), lambda work: None)
    receiver = Receiver(FORMATS, blocks.append, gate=127, waiting=waiting)
    forwarder, way = Forwarder(outbox, Nowhere(), codec="vp8/90000", level=1), Nowhere()
    leg = Leg(way, Form(96))
    forwarder.add(leg, 0.0)
    for data, now in packets(1):
        buffer.view[: len(data)] = data
        receiver.media(buffer, len(data), now)
        forwarder.media(buffer, len(data), now)
        for holder in tuple(waiting):
            holder.expire(now)
    told = receiver.statistics()
    assert min(told.malformed, told.unknown, told.repeated, told.late + told.lost) > 1_000
    assert told.received + told.repeated + told.malformed + told.unknown == PACKETS
    assert way.sent


def test_malformed_control_never_raises() -> None:
    chance = random.Random(2)
    good = rtcp.sender_report(7, wall=1, timestamp=2, packets=3, octets=4) + rtcp.bye(7)
    good += rtcp.transport_feedback(1, 7, 9, [1.0, None, 1.5], number=1)
    good += rtcp.missing(1, 7, [1, 40]) + rtcp.bandwidth(1, 9_000, [7])
    receiver, told, whole = Receiver(FORMATS), 0, 0
    for number in range(PACKETS):
        damaged = bytearray(good)
        for _ in range(3):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        items = rtcp.read(damaged, chance.randrange(len(damaged) + 1))
        receiver.control(items, number * 0.02)
        told += items.count(rtcp.Malformed())
        whole += not items.count(rtcp.Malformed())
    assert receiver.statistics().malformed == told
    assert told + whole >= PACKETS
    assert whole < PACKETS / 5


def test_malformed_headers_never_raise() -> None:
    none = 0
    for data, _ in packets(3):
        header = rtp.parse(data, len(data))
        if header is None:
            none += 1
            continue
        rtp.level(data, header[4], 1)
        rtp.redundancy(data, *header[4:])
    assert none > 1_000


def test_malformed_descriptions_are_refused_or_understood() -> None:
    chance = random.Random(4)
    lines = OFFER.splitlines()
    kept = 0
    for _ in range(DESCRIPTIONS):
        damaged = [line for line in lines if chance.random() > 0.02]
        for _ in range(3):
            at = chance.randrange(len(damaged))
            cut = chance.randrange(len(damaged[at]) + 1)
            damaged[at] = damaged[at][:cut] + chr(chance.randrange(0x250)) + damaged[at][cut + 1 :]
        with suppress(BadInput):
            agree(sdp.parse("\r\n".join(damaged)).audio, hear=True, speak=True)
            kept += 1
        sdp.candidate(damaged[chance.randrange(len(damaged))])
    assert 0 < kept < DESCRIPTIONS


async def connected(media: Media, ears: Ears, told: list[str]) -> tuple[Peer, Peer]:
    a, b = Peer(media, mouth=True), Peer(media, ears=ears, on_lost=told.append)
    await a.accept(await b.answer(await a.offer()))
    await asyncio.gather(a.connect(), b.connect())
    return a, b


async def test_strangers_on_the_wire_disturb_nobody() -> None:
    heard, told, chance = Heard(), list[str](), random.Random(5)
    with network() as address:
        async with Media() as media:
            a, b = await connected(media, Ears(on_block=heard), told)
            assert a.sender is not None
            a.sender.play(tone(2.0))
            port = b.path.connection.local_candidates[0].port
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                for number in range(3_000):
                    first = bytes((chance.choice((0, 1, 20, 22, 63, 80, 128, 144, 200, 255)),))
                    data = first + chance.randbytes(chance.randrange(1, 80))
                    if number % 3 == 0:
                        data = data[:4] + b"\x21\x12\xa4\x42" + data[8:]
                    stranger.sendto(b"" if number % 50 == 0 else data, (address, port))
                    if number % 100 == 0:
                        await asyncio.sleep(0.01)
                stranger.sendto(bytes([128]) * 5_000, (address, port))
            await until(lambda: heard.seconds >= 1.6, "sound")
            assert heard.frequency() == pytest.approx(1_000, abs=2)
            assert told == []
            assert b.link is not None
            assert b.link.rejected > 100, "those that the kernel had room for"
            await asyncio.gather(a.close(), b.close())


async def test_malformed_connectivity_checks_and_handshakes_are_survived() -> None:
    told, chance = list[str](), random.Random(6)
    with network() as address:
        async with Media() as media:
            a, b = await connected(media, Ears(), told)
            link, (protocol,) = b.link, b.path.connection._protocols
            assert link is not None
            check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            check.attributes["USERNAME"] = f"{b.path.connection.local_username}:x"
            check.attributes["PRIORITY"] = 1
            check.add_message_integrity(b.path.connection.local_password.encode())
            for number in range(CHECKS):
                damaged = bytearray(bytes(check))
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
                if number % 4 == 0:
                    del damaged[chance.randrange(len(damaged)) :]
                if number % 50 == 0:
                    damaged[:1] = bytes([chance.randrange(20, 64)])
                    await asyncio.sleep(0)
                link.other(protocol, bytes(damaged), (address, 9))
            assert CHECKS / 5 < link.rejected < CHECKS
            await asyncio.sleep(0.1)
            assert told == []
            assert b.path.handshaken
            await asyncio.gather(a.close(), b.close())


async def test_a_peer_that_vanishes_without_a_word_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("CHECKING", 0.1), ("REPEATED", 0), ("GONE", 2)):
        monkeypatch.setattr(ice, name, value)
    told: list[str] = []
    with network():
        async with Media() as media:
            a, b = await connected(media, Ears(), told)
            for protocol in a.path.connection._protocols:
                media.reader.detach(vars(protocol.transport)["_sock"])
            await until(lambda: bool(told), "word", 30)
            assert told == ["closed"]
            await asyncio.gather(a.close(), b.close())


async def test_who_is_too_busy_loses_audio_instead_of_hearing_it_late() -> None:
    heard = Heard()
    with network():
        async with Media() as media:
            a, b = await connected(media, Ears(on_block=heard), [])
            assert a.sender is not None
            assert a.link is not None
            for _ in range(400):  # eight seconds, while nobody looks at the sockets
                a.sender._send(a.sender._encode(tone(0.02)), 0.0)
            receiver = b.receiver
            assert receiver is not None
            await until(lambda: receiver.received >= 75, "what the kernel kept")
            await asyncio.sleep(0.2)
            assert receiver.received <= 200
            await asyncio.gather(a.close(), b.close())


async def test_closing_in_the_middle_of_anything_leaves_nothing() -> None:
    with network():
        async with Media() as media:
            for pause in (0, 0.001, 0.005, 0.02, 0.03, 0.05):
                a, b = Peer(media, mouth=True), Peer(media, ears=Ears())
                await a.accept(await b.answer(await a.offer()))
                tasks = [asyncio.create_task(a.connect()), asyncio.create_task(b.connect())]
                await asyncio.sleep(pause)
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                await asyncio.gather(a.close(), b.close())
            unused = Peer(media, ears=Ears())
            await unused.close()
