"""
Many speakers in a process of their own: real ICE, DTLS and SRTP, ready-made Opus.

Started by `tests.load.media_receiver`; one JSON object a line on stdin and stdout. The time at
which each packet was sent is left in a file that both map, so that the other side can tell how
long audio was on its way. Packet `n` of each stream has RTP time `n * 960`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Any

import numpy as np

from tests.load import speech
from tests.load.loopback import only_loopback
from transcriber.rtc.media import Media
from transcriber.rtc.peer import Peer
from transcriber.rtc.rtp import QUIETEST
from transcriber.rtc.srtp import Outbound

__all__ = ["REMEMBERED"]

GROUPS = 10
"""Streams are spread over the 20 ms of a packet, one group each two milliseconds."""
REMEMBERED = 512
"""Packets of each stream whose sending time can be looked up."""
LOUD = 30
"""Audio level of speech in its packets."""
HEADER = Struct("!BBHIIHHBBxx")
"""RTP header with one extension, the audio level."""


@dataclass(slots=True)
class Flow:
    number: int
    encrypt: Callable[[Any, int], int]
    send: Callable[[memoryview], int]
    payload_type: int
    source: int
    level: int
    packets: list[bytes]
    loudness: int
    position: int
    wait: int
    sequence: int = 0
    skip: int = 0


class Speakers:
    def __init__(self, media: Media, times: np.ndarray[Any, Any], talking: float) -> None:
        self.sent = self.late = 0
        self._media, self._times, self._talking = media, times, talking
        self._peers: dict[int, Peer] = {}
        self._flows: list[Flow] = []
        self._speech, self._silence = speech.packets(speech.speech()), speech.silence()
        self._pumping: asyncio.Task[None] | None = None

    async def do(self, op: str, number: int, sdp: str) -> dict[str, Any]:
        match op:
            case "offer":
                peer = self._peers[number] = Peer(self._media, mouth=True)
                return {"sdp": await peer.offer()}
            case "answer":
                await self._answer(number, sdp)
            case "start":
                self._pumping = asyncio.create_task(self._pump())
            case "drop":
                for flow in self._flows:
                    flow.skip = 1
            case "hang up":
                await self._hang_up(number)
        return {"sent": self.sent, "late": self.late, "cpu": time.process_time()}

    async def close(self) -> None:
        if self._pumping is not None:
            self._pumping.cancel()
        for number in list(self._peers):
            await self._hang_up(number)

    async def _hang_up(self, number: int) -> None:
        self._flows = [flow for flow in self._flows if flow.number != number]
        await self._peers.pop(number).close()

    async def _answer(self, number: int, sdp: str) -> None:
        peer = self._peers[number]
        await peer.accept(sdp)
        await peer.connect()
        sender, agreed, dtls = peer.sender, peer._agreed, peer.path._dtls
        assert sender is not None
        assert agreed.formats.level
        talks = (number * 0.618_034) % 1 < self._talking
        packets = self._speech if talks else self._silence
        flow = Flow(
            number, Outbound(dtls._tx_srtp).media, _toward(dtls.transport._connection),
            agreed.opus, sender.source, agreed.formats.level << 4, packets,
            (LOUD if talks else QUIETEST) | 0x80, number * 37 % len(packets), number * 7 % 11,
        )  # fmt: skip
        self._flows.append(flow)

    async def _pump(self) -> None:
        began, tick = time.monotonic(), 0
        while True:
            now, due = time.monotonic(), began + tick * 0.02 / GROUPS
            if now < due:
                await asyncio.sleep(due - now)
                continue
            if now - due > 0.2:
                self.late += 1
                began += now - due
            for flow in self._flows[tick % GROUPS :: GROUPS]:
                self._send(flow)
            tick += 1
            if not tick % (4 * GROUPS):
                await asyncio.sleep(0)

    def _send(self, flow: Flow) -> None:
        if flow.wait:
            flow.wait -= 1
            return
        sequence = flow.sequence
        flow.sequence += 1
        payload = flow.packets[(sequence + flow.position) % len(flow.packets)]
        self._times[flow.number, sequence % REMEMBERED] = time.monotonic()
        if flow.skip:
            flow.skip -= 1
            return
        buffer = self._media.out
        HEADER.pack_into(
            buffer.data, 0, 0x90, flow.payload_type, sequence & 0xFFFF,
            sequence * 960 & 0xFFFF_FFFF, flow.source, 0xBEDE, 1, flow.level, flow.loudness,
        )  # fmt: skip
        size = HEADER.size + len(payload)
        buffer.view[HEADER.size : size] = payload
        self.sent += 1
        try:
            flow.send(buffer.view[: flow.encrypt(buffer, size)])
        except OSError:  # full or gone: the packet counts as sent, and is missed
            return


def _toward(connection: Any) -> Callable[[memoryview], int]:
    """The way to the other side; a socket that is connected to it sends for half the cost."""
    pair = connection._nominated[1]
    sock = pair.protocol.transport._sock
    sock.connect(pair.remote_addr)
    send: Callable[[memoryview], int] = sock.send
    return send


async def serve(path: str, count: int, talking: float) -> None:
    times = np.memmap(path, np.float64, "r+", shape=(count, REMEMBERED))
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def answer(speakers: Speakers, order: dict[str, Any]) -> None:
        result = await speakers.do(order["op"], order.get("id", 0), order.get("sdp", ""))
        print(json.dumps({"ticket": order["ticket"], **result}), flush=True)

    async with Media() as media, asyncio.TaskGroup() as group:
        speakers = Speakers(media, times, talking)
        while line := await reader.readline():
            group.create_task(answer(speakers, json.loads(line)))
        await speakers.close()
    pipe.close()


if __name__ == "__main__":
    only_loopback()
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
