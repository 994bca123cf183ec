"""
A room as aiortc's own parts make one, for `tests.load.sfu`: its peer connections and `MediaRelay`.

    python -m tests.load.sfu_stock PARTICIPANTS

Prints its address. Everybody sends; when all do, everybody is offered what the others send, in the
messages of our own rooms, so that the same participants can be in either.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from aiohttp import web
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay


def connection() -> RTCPeerConnection:
    configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
    return RTCPeerConnection(configuration)


class Room:
    """Everybody who is in it, by a number."""

    def __init__(self, size: int) -> None:
        self._missing, self._relay = size, MediaRelay()
        self._sockets: list[web.WebSocketResponse] = []
        self._tracks: dict[int, Any] = {}
        self._peers: dict[int, RTCPeerConnection] = {}

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        number = len(self._sockets)
        self._sockets.append(socket)
        async for frame in socket:
            said = json.loads(frame.data)
            match said["type"]:
                case "join":
                    await socket.send_json({"type": "ready"})
                case "publish":
                    await self._publish(number, said["sdp"])
                case "answer":
                    answer = RTCSessionDescription(said["sdp"], "answer")
                    await self._peers[number].setRemoteDescription(answer)
        return socket

    async def _publish(self, number: int, offer: str) -> None:
        peer = connection()
        peer.on("track", lambda track: self._tracks.update({number: track}))
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        published = {"type": "published", "sdp": peer.localDescription.sdp}
        tracks = [{"mid": "0", "track_id": str(number)}]
        await self._sockets[number].send_json(published | {"tracks": tracks})
        self._missing -= 1
        if not self._missing:
            await asyncio.gather(*map(self._offer, self._tracks))

    async def _offer(self, number: int) -> None:
        peer = self._peers[number] = connection()
        others = [one for one in self._tracks if one != number]
        for other in others:
            track = self._relay.subscribe(self._tracks[other])
            peer.addTransceiver(track, direction="sendonly")
        await peer.setLocalDescription(await peer.createOffer())
        sections = [{"mid": str(n), "track_id": str(other)} for n, other in enumerate(others)]
        offer = {"type": "offer", "sdp": peer.localDescription.sdp, "revision": 1}
        await self._sockets[number].send_json(offer | {"tracks": sections})


async def main() -> None:
    app = web.Application()
    app.router.add_get("/api/v1/rooms/stock/ws", Room(int(sys.argv[1])).handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
