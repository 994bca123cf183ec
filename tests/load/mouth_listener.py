"""
Everybody who is spoken to, for `tests.load.mouth`: answers offers and counts what arrives.

One JSON object a line on stdin and stdout: an `offer` is answered; whatever is asked, the packets
`received` by all so far are told, and when the `last` of them arrived at the machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from tests.load.loopback import only_loopback
from transcriber.rtc import Ears, Media, Peer
from transcriber.rtc.buffer import Buffer


class Listener(Peer):
    """Remembers when the last packet of sound arrived at the machine."""

    last = 0.0

    def _heard(self, buffer: Buffer, size: int, now: float) -> None:
        if self.link is not None:
            self.last = self.link.arrived_at
        super()._heard(buffer, size, now)


class Listeners:
    def __init__(self, media: Media) -> None:
        self._media = media
        self._peers: list[Listener] = []

    async def answer(self, offer: str, tasks: asyncio.TaskGroup) -> str:
        peer = Listener(self._media, ears=Ears())
        self._peers.append(peer)
        answer = await peer.answer(offer)
        tasks.create_task(self._connect(peer))
        return answer

    def heard(self) -> dict[str, float]:
        receivers = [peer.receiver for peer in self._peers if peer.receiver]
        return {
            "received": sum(receiver.received for receiver in receivers),
            "last": max((peer.last for peer in self._peers), default=0.0),
        }

    async def close(self) -> None:
        await asyncio.gather(*(peer.close() for peer in self._peers))

    async def _connect(self, peer: Peer) -> None:
        await peer.connect()
        assert peer.link is not None
        peer.link.stamp()


async def serve() -> None:
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with Media() as media, asyncio.TaskGroup() as tasks:
        listeners = Listeners(media)
        while line := await reader.readline():
            order: dict[str, Any] = json.loads(line)
            answer = {}
            if "offer" in order:
                answer["answer"] = await listeners.answer(order["offer"], tasks)
            print(json.dumps(answer | listeners.heard()), flush=True)
        await listeners.close()
    pipe.close()


if __name__ == "__main__":
    only_loopback()
    asyncio.run(serve())
