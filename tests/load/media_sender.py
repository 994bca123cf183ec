"""
Many speakers in a process of their own: real ICE, DTLS and SRTP, ready-made Opus.

Started by `tests.load.media_receiver`; one JSON object a line on stdin and stdout. The time at
which each packet was sent is left in a file that both map, so that the other side can tell how
long audio was on its way. Packet `n` of each stream has RTP time `n * 960`.

Speakers and listeners share a machine, so the speakers must be cheap: packets are encrypted before
anything is measured, and what is left is one system call for each, from a thread that does nothing
else. On loopback that call also carries the packet up to the other's socket: it is the network.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

import numpy as np

from tests.load import speech
from tests.load.loopback import only_loopback
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.media import Media
from transcriber.rtc.peer import Peer
from transcriber.rtc.rtp import QUIETEST
from transcriber.rtc.srtp import Outbound

__all__ = ["REMEMBERED"]

GROUPS = 10
"""Streams are spread over the 20 ms of a packet, one group each two milliseconds."""
STEP = 0.02 / GROUPS
REMEMBERED = 512
"""Packets of each stream whose sending time can be looked up."""
LOUD = 30
"""Audio level of speech in its packets."""
HEADER = Struct("!BBHIIHHBBxx")
"""RTP header with one extension, the audio level."""


@dataclass(slots=True)
class Flow:
    number: int
    outbound: Outbound
    send: Callable[[bytes], int]
    payload_type: int
    source: int
    level: int
    packets: list[bytes]
    loudness: int
    position: int
    wait: int
    """Packets later than others at the beginning, so that not all complete a block together."""
    ready: Sequence[bytes] = ()

    def prepare(self, buffer: Buffer, count: int) -> None:
        """Encrypt the first packets."""
        self.ready = [self._encrypted(buffer, sequence) for sequence in range(count)]

    def _encrypted(self, buffer: Buffer, sequence: int) -> bytes:
        payload = self.packets[(sequence + self.position) % len(self.packets)]
        HEADER.pack_into(
            buffer.data, 0, 0x90, self.payload_type, sequence & 0xFFFF,
            sequence * 960 & 0xFFFF_FFFF, self.source, 0xBEDE, 1, self.level, self.loudness,
        )  # fmt: skip
        size = HEADER.size + len(payload)
        buffer.view[HEADER.size : size] = payload
        return bytes(buffer.view[: self.outbound.media(buffer, size)])


class Group:
    """Flows that send at the same time."""

    def __init__(self, flows: Sequence[Flow]) -> None:
        self.flows = [(flow.send, flow.ready, flow.wait) for flow in flows]
        self.numbers = np.array([flow.number for flow in flows], int)
        self.waits = np.array([flow.wait for flow in flows], int)

    def send(self, turn: int) -> int:
        """Send what is due in a turn; return how many packets that was."""
        sent = 0
        for send, ready, wait in self.flows:
            if 0 <= turn - wait < len(ready):
                sent += 1
                try:
                    send(ready[turn - wait])
                except OSError:  # full or gone: the packet counts as sent, and is missed
                    continue
        return sent


class Speakers:
    def __init__(self, media: Media, times: np.ndarray[Any, Any], talking: float) -> None:
        self.sent = self.late = 0
        self._media, self._times, self._talking = media, times, talking
        self._peers: dict[int, Peer] = {}
        self._flows: list[Flow] = []
        self._speech, self._silence = speech.packets(speech.speech()), speech.silence()
        self._drops = 0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    async def do(self, op: str, number: int, sdp: str) -> dict[str, Any]:
        match op:
            case "offer":
                peer = self._peers[number] = Peer(self._media, mouth=True)
                return {"sdp": await peer.offer()}
            case "answer":
                await self._answer(number, sdp)
            case "start":
                await self._start(number)
            case "drop":
                self._drops = GROUPS
        return {"sent": self.sent, "late": self.late, "cpu": time.process_time()}

    async def close(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        for peer in self._peers.values():
            await peer.close()

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
            number, Outbound(dtls._tx_srtp), _toward(dtls.transport._connection),
            agreed.opus, sender.source, agreed.formats.level << 4, packets,
            (LOUD if talks else QUIETEST) | 0x80, number * 37 % len(packets), number * 7 % 11,
        )  # fmt: skip
        self._flows.append(flow)

    async def _start(self, seconds: int) -> None:
        for flow in self._flows:
            flow.prepare(self._media.out, seconds * 50)
            await asyncio.sleep(0)
        groups = [Group(self._flows[place::GROUPS]) for place in range(GROUPS)]
        self._thread = threading.Thread(target=self._pump, args=(groups,), name="speakers")
        self._thread.start()

    def _pump(self, groups: Sequence[Group]) -> None:
        began, tick = time.monotonic(), 0
        while not self._stopped.is_set():
            now, due = time.monotonic(), began + tick * STEP
            if now < due:
                time.sleep(due - now)
                continue
            if now - due > 0.2:
                self.late += 1
                began += now - due
            turn, place = divmod(tick, GROUPS)
            group = groups[place]
            self._times[group.numbers, (turn - group.waits) % REMEMBERED] = now
            if self._drops:
                self._drops -= 1
            else:
                self.sent += group.send(turn)
            tick += 1


def _toward(connection: Any) -> Callable[[bytes], int]:
    """The way to the other side; a socket that is connected to it sends for half the cost."""
    pair = connection._nominated[1]
    sock = pair.protocol.transport._sock
    sock.connect(pair.remote_addr)
    send: Callable[[bytes], int] = sock.send
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
