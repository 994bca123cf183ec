"""
A room as the page sees it: the protocol alone, without media and without a recogniser.

It answers offers with a real WebRTC stack (what arrives is thrown away) and lets a test say what
people do: who comes, who talks, what is said.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Literal

from aiohttp import WSMsgType, web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tests.peers import until
from tests.peers.rtc import close
from transcriber.web.pages import routes
from transcriber.web.routes import PUBLIC, Handler, Route
from transcriber.web.server import application, listen

__all__ = ["LANGUAGES", "TARGETS", "FakeRoom", "person", "rooms"]

LANGUAGES = [{"code": "en", "name": "English"}, {"code": "de", "name": "Deutsch"}]
TARGETS = [{"code": "fr", "name": "Français"}, {"code": "de", "name": "Deutsch"}]
"""Names that a test can look for."""


class FakeRoom:
    """One room, whoever asks for which."""

    def __init__(self) -> None:
        self.people: list[dict[str, Any]] = []
        """Everybody but the page."""
        self.before: list[dict[str, Any]] = []
        """Segments of the transcript."""
        self.heard: list[dict[str, Any]] = []
        """What the page said."""
        self.answers = asyncio.Event()
        self.answers.set()
        self.about: dict[str, Any] = {
            "id": "room_1", "name": "Stand-up", "language": "en", "captions": True, "e2ee": False,
        }  # fmt: skip
        self._sockets: set[web.WebSocketResponse] = set()
        self._peers: dict[str, RTCPeerConnection] = {}
        self._numbers = itertools.count(1)
        self._tracks = itertools.count(1)

    def said(self, kind: str) -> list[dict[str, Any]]:
        """What the page said of a kind."""
        return [message for message in self.heard if message["type"] == kind]

    async def tell(self, kind: str, **content: Any) -> None:
        """Say something to the page."""
        for socket in list(self._sockets):
            await socket.send_json({"type": kind, **content})

    async def caption(self, person: str, text: str, **more: Any) -> None:
        """Let the page read what a person says."""
        name = next((one["name"] for one in self.people if one["id"] == person), "Me")
        number = next(self._numbers)
        caption = {
            "id": f"utt_{number}", "participant_id": person, "name": name, "text": text,
            "language": "en", "final": True, "start_ms": number * 1000,
            "end_ms": number * 1000 + 900, "at": "2026-03-04T09:15:00.000Z",
        }  # fmt: skip
        await self.tell("caption", **(caption | more))

    async def cut(self) -> None:
        """Lose the connection to the page, as networks do."""
        for socket in list(self._sockets):
            assert socket._req is not None
            transport = socket._req.transport
            if transport:
                transport.abort()
        await until(lambda: not self._sockets)

    def connected(self) -> bool:
        """Whether everything that was agreed on is connected."""
        begun = {"new", "connecting"}
        return begun.isdisjoint(peer.connectionState for peer in self._peers.values())

    async def close(self) -> None:
        """End all media."""
        for peer in self._peers.values():
            await close(peer)

    def routes(self) -> list[Route]:
        """The part of the service that rooms are."""
        base = "/api/v1"
        return [
            _route("POST", f"{base}/open/rooms", self._open),
            _route("POST", f"{base}/open/rooms/{{room}}/tokens", self._open),
            _route("GET", f"{base}/rooms/{{room}}/transcript", self._transcript),
            _route("GET", f"{base}/rooms/{{room}}/ws", self._talk),
        ]

    async def _open(self, request: web.Request) -> web.Response:
        if request.match_info.get("room") == "nowhere":
            return web.json_response({"type": "not-found"}, status=404)
        return web.json_response({"room_id": "room_1", "token": "t0ken"}, status=201)

    async def _transcript(self, request: web.Request) -> web.Response:
        return web.json_response({"segments": self.before})

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        await self.answers.wait()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._hear(socket, json.loads(message.data))
        finally:
            self._sockets.discard(socket)
        return socket

    async def _hear(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        self.heard.append(message)
        match message["type"]:
            case "join":
                await socket.send_json(self._welcome(message))
            case "publish":
                await socket.send_json(await self._publish(message))
            case "ping":
                await socket.send_json({"type": "pong"})

    def _welcome(self, join: dict[str, Any]) -> dict[str, Any]:
        if join["token"] == "old":
            return {"type": "closed", "reason": "token"}
        return {
            "type": "ready", "participant_id": "me", "identity": "me", "resume": "s3cret",
            "resumed": "resume" in join and not join.get("fresh"),
            "grants": ["join", "publish", "subscribe"], "room": self.about, "ice_servers": [],
            "participants": self.people, "languages": LANGUAGES, "targets": TARGETS,
        }  # fmt: skip

    async def _publish(self, message: dict[str, Any]) -> dict[str, Any]:
        fingerprint = message["sdp"].partition("a=fingerprint:")[2].partition("\r\n")[0]
        peer = self._peers.get(fingerprint)
        if peer is None:
            peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
            self._peers[fingerprint] = peer
        await peer.setRemoteDescription(RTCSessionDescription(message["sdp"], "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        tracks = [
            {"mid": one["mid"], "track_id": f"trk_me_{one['mid']}"} for one in message["tracks"]
        ]
        answer = _simulcast(message["sdp"], peer.localDescription.sdp)
        return {"type": "published", "sdp": answer, "tracks": tracks}


def _simulcast(offer: str, answer: str) -> str:
    """Accept the layers that aiortc does not know."""
    offered, answered = offer.split("\r\nm="), answer.split("\r\nm=")
    for at, section in enumerate(offered):
        if "a=simulcast:" in section:
            extension = re.search(r"a=extmap:\S+ \S+:rtp-stream-id\b", section)
            assert extension
            layers = re.findall(r"a=rid:(\w+) send", section)
            lines = [extension[0], *(f"a=rid:{layer} recv" for layer in layers)]
            lines.append(f"a=simulcast:recv {';'.join(layers)}\r\n")
            answered[at] = answered[at].rstrip() + "\r\n" + "\r\n".join(lines)
            answered[at] = answered[at].rstrip() if at < len(answered) - 1 else answered[at]
    return "\r\nm=".join(answered)


def _route(method: Literal["GET", "POST"], path: str, handler: Handler) -> Route:
    return Route(method, path, handler, PUBLIC, "A part of the protocol")


def person(number: int, name: str, *, muted: bool = False) -> dict[str, Any]:
    """Somebody who sends sound."""
    track = {"id": f"trk_{number}", "kind": "audio", "source": "microphone", "muted": muted}
    return {"id": f"par_{number}", "name": name, "tracks": [track]}


@asynccontextmanager
async def rooms(
    people: Iterable[str] = (), host: str = "127.0.0.1"
) -> AsyncIterator[tuple[FakeRoom, str]]:
    """Serve the page and a room with these people; yields the room and the address."""
    room = FakeRoom()
    room.people = [person(number, name) for number, name in enumerate(people, 1)]
    app = application([*routes(), *room.routes()], {})
    async with listen(app, host, 0) as url:
        try:
            yield room, url
        finally:
            await room.close()
