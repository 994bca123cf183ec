"""
What it costs to forward one packet to many, each with a key of their own, on loopback.

    python -m tests.load.forward --subscribers 50 --json

The subscribers' sockets are never read and have a tiny buffer: the kernel drops what is too much.
"""

from __future__ import annotations

import os
import socket
import statistics
import sys
import time
from collections.abc import Callable

from pylibsrtp import Policy, Session

from tests.load import report
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.rtp import write_header
from transcriber.rtc.sfu.forwarder import Forwarder
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.srtp import Outbound

ROUNDS = 9
PACKETS = 100
KINDS = {"audio": ("opus/48000", 82), "video": ("x/90000", 1_150)}
"""Codec and size of the packets."""


class Way:
    """What a link does when it sends, without ICE and DTLS behind it."""

    def __init__(self, address: tuple[str, int]) -> None:
        key = os.urandom(28)
        profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
        policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        policy.allow_repeat_tx = True
        self._outbound = Outbound(Session(policy))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._address = address

    def send(self, buffer: Buffer, size: int) -> None:
        size = self._outbound.media(buffer, size)
        self._socket.sendto(buffer.view[:size], self._address)

    def send_control(self, packet: bytes) -> None:
        """Ask nobody: there is no publisher."""

    def close(self) -> None:
        self._socket.close()


def cost(codec: str, size: int, ways: list[Way]) -> float:
    """Return CPU microseconds for one packet to one subscriber."""
    forwarder = Forwarder(Buffer(), ways[0], codec=codec)
    for way in ways:
        forwarder.add(Leg(way, payload_type=111, level=1), 0.0)
    buffer = Buffer()
    numbers = iter(range(60_000))
    payload = os.urandom(size)

    def forward() -> None:
        for _ in range(PACKETS):
            number = next(numbers)
            start = write_header(buffer.data, 111, number, number * 960, source=7)
            buffer.view[start : start + size] = payload
            forwarder.media(buffer, start + size, number * 0.02)

    return statistics.median(_timed(forward) for _ in range(ROUNDS)) / PACKETS / len(ways)


def floor(size: int, ways: list[Way]) -> float:
    """Return what encrypting and sending alone cost, whatever is done around them."""
    buffer = Buffer()
    numbers = iter(range(60_000))
    payload = os.urandom(size + 12)

    def send() -> None:
        for _ in range(PACKETS):
            number = next(numbers)
            for way in ways:
                buffer.view[: size + 12] = payload
                write_header(buffer.data, 111, number, number * 960, source=9)
                way.send(buffer, size + 12)

    return statistics.median(_timed(send) for _ in range(ROUNDS)) / PACKETS / len(ways)


def _timed(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e6


def main() -> int:
    options = report.parser(__doc__ or "")
    options.add_argument("--subscribers", type=int, default=50)
    given = options.parse_args()
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sink.bind(("127.0.0.1", 0))
    ways = [Way(sink.getsockname()) for _ in range(given.subscribers)]
    figures = {f"{name}_us": cost(codec, size, ways) for name, (codec, size) in KINDS.items()}
    figures |= {f"{name}_floor_us": floor(size, ways) for name, (_, size) in KINDS.items()}
    for name in KINDS:
        figures[f"{name}_ours_us"] = figures[f"{name}_us"] - figures[f"{name}_floor_us"]
    for way in ways:
        way.close()
    sink.close()
    bars = [report.Bar(f"{name}_us", figures[f"{name}_us"], "<=", 6) for name in KINDS]
    bars += [report.Bar(f"{name}_ours_us", figures[f"{name}_ours_us"], "<=", 1) for name in KINDS]
    return report.finish("forward", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
