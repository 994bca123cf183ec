"""
What it costs to forward one packet to many, each with a key of their own, on loopback.

    python -m tests.load.forward --subscribers 50 --json

`audio` is one voice, whose packets come one at a time, so that each costs every subscriber a call
of the kernel; `video` is one picture of a few packets at a time; `voices` is a room in which many
talk, as encoded speech is: of all sizes. `floor` is what encrypting and sending alone cost, one by
one; `ours` is the rest. The subscribers' sockets are never read and have a tiny buffer: the kernel
drops what is too much.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import SimpleNamespace

from pylibsrtp import Policy, Session

from tests.load import report
from tests.load.speech import packets, speech
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.link import Link
from transcriber.rtc.media import Media
from transcriber.rtc.rtp import write_header
from transcriber.rtc.sfu.forwarder import Forwarder
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.outbox import Outbox
from transcriber.rtc.sfu.packet import Form

ROUNDS = 9
TURNS = 100
AUDIO, VIDEO = 82, 1_150
"""Bytes of a packet."""
PICTURE = 4
"""Packets of a picture that come in one turn."""
VOICES = 20
"""Who may be heard at once, by default."""
KINDS = ("audio", "video")


def link(media: Media, sock: socket.socket, address: tuple[str, int]) -> Link:
    """Make a link without ICE and DTLS behind it."""
    key = os.urandom(28)
    profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
    policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
    policy.allow_repeat_tx = True
    session = Session(policy)
    transport = SimpleNamespace(_sock=sock)
    pair = SimpleNamespace(protocol=SimpleNamespace(transport=transport), remote_addr=address)
    connection = SimpleNamespace(_protocols=[], _nominated={1: pair})
    dtls = SimpleNamespace(
        _rx_srtp=session, _tx_srtp=session, transport=SimpleNamespace(_connection=connection)
    )
    return Link(dtls, media.reader, on_media=lambda *_: None, on_control=lambda *_: None)  # type: ignore[arg-type]


class Publisher:
    """Sends packets of given sizes, and is asked nothing."""

    def __init__(self, outbox: Outbox, codec: str, payloads: Sequence[bytes]) -> None:
        self.forwarder = Forwarder(outbox, self, codec=codec)
        self._payloads = itertools.cycle(payloads)
        self._numbers = itertools.cycle(range(65_536))
        self._buffer = Buffer()

    def send_control(self, packet: bytes) -> None:
        """There is nobody to ask."""

    def send(self) -> None:
        """Have a packet arrive."""
        buffer, number, payload = self._buffer, next(self._numbers), next(self._payloads)
        start = write_header(buffer.data, 111, number, number * 960, source=7)
        buffer.view[start : start + len(payload)] = payload
        self.forwarder.media(buffer, start + len(payload), number * 0.02)


def cost(media: Media, publishers: Sequence[Publisher], links: Sequence[Link], many: int) -> float:
    """Return CPU microseconds for a packet to one subscriber; `many` packets of each at a time."""
    for publisher in publishers:
        for way in links:
            publisher.forwarder.add(Leg(way, Form(111, 1)), 0.0)

    def forward() -> None:
        for _ in range(TURNS):
            for publisher in publishers:
                for _ in range(many):
                    publisher.send()
            media.outbox.flush()

    packets_ = TURNS * len(publishers) * many
    return statistics.median(_timed(forward) for _ in range(ROUNDS)) / packets_ / len(links)


def floor(size: int, source: int, links: Sequence[Link]) -> float:
    """Return what encrypting and sending alone cost, whatever is done around them."""
    buffer = Buffer()
    numbers = itertools.cycle(range(65_536))
    payload = os.urandom(size + 12)

    def send() -> None:
        for _ in range(TURNS):
            number = next(numbers)
            for way in links:
                buffer.view[: size + 12] = payload
                write_header(buffer.data, 111, number, number * 960, source=source)
                way.send(buffer, size + 12)

    return statistics.median(_timed(send) for _ in range(ROUNDS)) / TURNS / len(links)


def _timed(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e6


def measure(media: Media, links: Sequence[Link]) -> dict[str, float]:
    voice, said = [os.urandom(AUDIO)], packets(speech())
    one = [Publisher(media.outbox, "opus/48000", voice)]
    picture = [Publisher(media.outbox, "x/90000", [os.urandom(VIDEO)])]
    room = [
        Publisher(media.outbox, "opus/48000", said[place * 17 :] + said[: place * 17])
        for place in range(VOICES)
    ]
    figures = {
        "audio_us": cost(media, one, links, 1),
        "video_us": cost(media, picture, links, PICTURE),
        "voices_us": cost(media, room, links, 1),
        "audio_floor_us": floor(AUDIO, 8, links),
        "video_floor_us": floor(VIDEO, 9, links),
    }
    for name in KINDS:
        figures[f"{name}_ours_us"] = figures[f"{name}_us"] - figures[f"{name}_floor_us"]
    return figures


async def run(subscribers: int) -> dict[str, float]:
    with ExitStack() as stack:
        sink = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sink.bind(("127.0.0.1", 0))
        async with Media() as media:
            sockets = [
                stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                for _ in range(subscribers)
            ]
            return measure(media, [link(media, one, sink.getsockname()) for one in sockets])


def main() -> int:
    options = report.parser(__doc__ or "")
    options.add_argument("--subscribers", type=int, default=50)
    given = options.parse_args()
    figures = asyncio.run(run(given.subscribers))
    bars = [report.Bar(f"{name}_us", figures[f"{name}_us"], "<=", 6) for name in (*KINDS, "voices")]
    bars += [report.Bar(f"{name}_ours_us", figures[f"{name}_ours_us"], "<=", 1) for name in KINDS]
    return report.finish("forward", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
