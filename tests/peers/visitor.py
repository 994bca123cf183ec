"""
A participant of a room, without a browser: speaks, hears, and keeps what it is told.

It is made of our own parts, so it proves what the server does and not that browsers agree; for that
there are browsers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, Self

import aiohttp

from tests.peers import until
from tests.peers.rtc import Heard
from transcriber.rtc import Media, Sender, rtcp, rtp, sdp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.path import Path
from transcriber.rtc.receiver import Formats, Receiver
from transcriber.rtc.sdp import Codec, Section

__all__ = ["Visitor", "open_room", "visiting"]

OPUS = Codec(111, "opus/48000", "minptime=10;useinbandfec=1")
KEYS = Codec(110, "telephone-event/48000")
LEVEL, MID = 1, 4

Message = dict[str, Any]


async def open_room(http: aiohttp.ClientSession, **wish: Any) -> Message:
    """Make an open room; returns its id and a token."""
    async with http.post("/api/v1/open/rooms", json=wish) as answer:
        assert answer.status == 201, await answer.text()
        made: Message = await answer.json()
        return made


class Visitor:
    """Somebody in a room."""

    def __init__(self, media: Media, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket, self.media = socket, media
        self.told: list[Message] = []
        self.heard: dict[str, Heard] = {}
        """What came of each track, by its id."""
        self.arrived: list[float] = []
        """When each packet came (`time.monotonic`)."""
        self.offers = 0
        self.silent = False
        """Does not answer offers."""
        self.sender = Sender(media.pacer, Buffer())
        self.publisher = Path(media, on_media=_nothing, on_control=_ignore)
        self.subscriber = Path(media, on_media=self._media, on_control=_ignore)
        self._receivers: dict[int, Receiver] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._aimed = ""
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._tasks.create_task(self._listen())
        return self

    async def __aexit__(self, *failure: Any) -> None:
        await self.socket.close()
        for task in self._connecting:
            task.cancel()
        for receiver in self._receivers.values():
            receiver.close()
        self.sender.close()
        await self.publisher.close()
        await self.subscriber.close()
        await self._tasks.__aexit__(*failure)

    async def say(self, type_: str, **more: Any) -> None:
        await self.socket.send_json({"type": type_, **more})

    async def ask(self, type_: str, answer: str, **more: Any) -> Message:
        """Say something, and return the next message of a type."""
        before = len(self.told)
        await self.say(type_, **more)
        return await self.next(answer, after=before)

    async def next(self, type_: str, *, after: int = 0, seconds: float = 45.0) -> Message:
        """Return the first message of a type, from a place on, once it has come."""
        await until(lambda: self.find(type_, after), seconds=seconds)
        return self.find(type_, after)[0]

    def find(self, type_: str, after: int = 0) -> list[Message]:
        return [message for message in self.told[after:] if message["type"] == type_]

    async def join(self, token: str, **more: Any) -> Message:
        return await self.ask("join", "ready", token=token, **more)

    async def publish(self) -> str:
        """Send sound; returns the id of the track once it arrives."""
        await self.offer_publish()
        published = await self.next("published")
        await self.connect_publish(published)
        self.sender.open(_Link(self.publisher), payload_type=OPUS.payload_type, level=LEVEL)
        return str(published["tracks"][0]["track_id"])

    async def offer_publish(self, **more: Any) -> None:
        self.publisher.offering()
        await self.publisher.gather()
        await self.say(
            "publish",
            sdp=self.offer(),
            tracks=[{"mid": "0", "kind": "audio", "source": "microphone", **more}],
        )

    def offer(self) -> str:
        section = Section(
            "audio", mid="0", direction="sendonly", setup="actpass", codecs=(OPUS, KEYS),
            extensions=((LEVEL, rtp.AUDIO_LEVEL),), lines=(f"ssrc:{self.sender.source} cname:me",),
        )  # fmt: skip
        return sdp.write(self.publisher.ours(1), [section], ("0",))

    async def connect_publish(self, published: Message) -> None:
        answer = sdp.parse(published["sdp"])
        await self.publisher.aim(answer, answer.main)
        await self.publisher.connect()

    def hear(self, track_id: str) -> Heard:
        """What came of a track."""
        return self.heard.setdefault(track_id, Heard())

    async def _listen(self) -> None:
        async for frame in self.socket:
            if frame.type is aiohttp.WSMsgType.TEXT:
                message = json.loads(frame.data)
                self.told.append(message)
                if message["type"] == "offer" and not self.silent:
                    await self.answer(message)

    async def answer(self, offer: Message) -> None:
        self.offers += 1
        theirs = sdp.parse(offer["sdp"])
        main = theirs.main
        if self.subscriber.handshaken and self._aimed != main.ufrag:
            await self.subscriber.restart()
        else:
            await self.subscriber.gather()
        anew, self._aimed = self._aimed != main.ufrag, main.ufrag
        if anew:
            await self.subscriber.aim(theirs, main)
        self._receive(theirs, {one["mid"]: one["track_id"] for one in offer["tracks"]})
        sections = [_taken(section) for section in theirs.sections]
        ours = sdp.write(self.subscriber.ours(2), sections, theirs.bundle)
        await self.say("answer", sdp=ours, revision=offer["revision"])
        if anew:
            task = self._tasks.create_task(self._connect())
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self.subscriber.connect()

    def _receive(self, theirs: sdp.Description, tracks: Mapping[str, str]) -> None:
        for section in theirs.sections:
            if section.kind == "audio" and section.sources and section.mid in tracks:
                source, codec = section.sources[0], section.codecs[0]
                if source not in self._receivers:
                    formats = Formats(codecs={codec.payload_type: codec.name})
                    self._receivers[source] = Receiver(
                        formats, self.hear(tracks[section.mid]), waiting=self.media.reader.waiting
                    )

    def _media(self, buffer: Buffer, size: int, now: float) -> None:
        self.arrived.append(time.monotonic())
        header = rtp.parse(buffer.data, size)
        if header and (receiver := self._receivers.get(header[3])):
            receiver.media(buffer, size, now)


class _Link:
    """Sends by whatever link a path has now."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, buffer: Buffer, size: int) -> None:
        if self._path.link:
            self._path.link.send(buffer, size)

    def send_control(self, packet: bytes) -> None:
        if self._path.link:
            self._path.link.send_control(packet)


def _taken(section: Section) -> Section:
    direction: sdp.Direction = "recvonly" if section.direction == "sendonly" else "inactive"
    return replace(
        Section(section.kind, mid=section.mid, protocol=section.protocol),
        direction=direction, codecs=section.codecs, extensions=section.extensions, setup="passive",
    )  # fmt: skip


def _nothing(buffer: Buffer, size: int, now: float) -> None:
    """Nothing comes where we send."""


def _ignore(items: list[rtcp.Item], now: float) -> None:
    """What is reported is not looked at."""


@contextlib.asynccontextmanager
async def visiting(
    http: aiohttp.ClientSession, media: Media, room_id: str
) -> AsyncIterator[Visitor]:
    """Be at the door of a room, to `join` it."""
    path = f"/api/v1/rooms/{room_id}/ws"
    async with http.ws_connect(path) as socket, Visitor(media, socket) as visitor:
        yield visitor
