"""
The sound of a room for other programs, over WebSockets: what its people say, and a voice in it.

`listen` tells who begins to speak (`speaker`, with a number) and who is gone, and sends what each
says in binary messages: the number, then the milliseconds since the beginning, then 16-bit samples.
Whoever reads too slowly is let go. `play` takes 16-bit samples in binary messages and plays them as
a participant; `stop` takes back what has not been heard, and a `mark` is answered with `played`
once everything before it has been. All numbers and samples are little-endian, the sound is mono.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

import numpy as np
from aiohttp import WSMessage, WSMsgType, web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from transcriber.audio.block import RATE, Block, Samples
from transcriber.audio.resample import Resampler
from transcriber.errors import BadInput, TranscriberError
from transcriber.rtc.media import Media
from transcriber.rtc.sfu.bot import Bot
from transcriber.rtc.sfu.room import Member, Room, Witness
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.rtc.sfu.track import Track
from transcriber.web.rooms.guard import may_enter
from transcriber.web.routes import Route, query, room
from transcriber.web.telling import Outbox, telling

__all__ = ["RoomAudio"]

HEAD = struct.Struct("<HI")
"""Before the samples: the number of the speaker, and milliseconds since the beginning."""
FULL = 32_767
OUTBOX = 1_024
"""Messages that wait for a program that reads slowly: nearly a second of a hundred speakers."""
LARGEST = 1 << 20
"""Bytes of a message to us: ten seconds at the highest rate."""


class Sound(BaseModel):
    """What is wanted of the sound."""

    model_config = ConfigDict(extra="forbid")
    rate: Annotated[int, Field(ge=8_000, le=48_000)] = RATE
    """Samples a second."""


class Wanted(Sound):
    """Whom to listen to."""

    participant_id: Annotated[str, Field(max_length=64)] = ""
    """Only one person; empty: everybody."""


class Mark(BaseModel):
    """Say when everything so far was heard."""

    type: Literal["mark"]
    id: Annotated[str, Field(max_length=100)] = ""


class Stop(BaseModel):
    """Be silent at once."""

    type: Literal["stop"]


SAID: TypeAdapter[Mark | Stop] = TypeAdapter(Annotated[Mark | Stop, Field(discriminator="type")])


class RoomAudio:
    """Lets programs listen and speak in rooms."""

    def __init__(self, rooms: Rooms, media: Media) -> None:
        self._rooms, self._media = rooms, media

    def routes(self) -> list[Route]:
        """The routes."""
        base = "/api/v1/rooms/{room_id}"
        return [
            Route(
                "GET", f"{base}/listen", self._listen, room("subscribe"),
                "Hear what people in a room say, over a WebSocket", query=Wanted,
            ),
            Route(
                "GET", f"{base}/play", self._play, room("publish"),
                "Speak in a room, over a WebSocket", query=Sound,
            ),
        ]  # fmt: skip

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        place, wanted = may_enter(request, self._rooms).room, query(request, Wanted)
        async with telling(request, most=OUTBOX, largest=LARGEST) as (socket, outbox):
            ear = _Ear(place, outbox, wanted)
            try:
                async for _ in socket:
                    pass  # they have nothing to say here
            finally:
                ear.close()
        return socket

    async def _play(self, request: web.Request) -> web.StreamResponse:
        who, sound = may_enter(request, self._rooms), query(request, Sound)
        place, bot = who.room, Bot(who.room, self._media, who.name, heard=True)
        try:
            place.may_publish(bot, [track.shown for track in bot.tracks.values()])
            async with telling(request, most=OUTBOX, largest=LARGEST) as (socket, outbox):
                voice = _Voice(bot, Resampler(sound.rate, RATE), outbox)
                outbox.push({"type": "ready", "participant_id": bot.id})
                stop = place.watch(_Closing(outbox))
                try:
                    async for frame in socket:
                        voice.take(frame)
                finally:
                    stop()
        finally:
            bot.close()
        return socket


class _Closing(Witness):
    """Ends a conversation when the room is no more."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def closed(self) -> None:
        """The room is no more."""
        self._outbox.push({"type": "closed", "reason": "room_closed"})


class _Ear(_Closing):
    """Passes on what people say."""

    def __init__(self, place: Room, outbox: Outbox, wanted: Wanted) -> None:
        super().__init__(outbox)
        self._wanted = wanted
        self._clock = asyncio.get_running_loop().time
        self._began, self._number = self._clock(), 0
        self._stops: dict[str, tuple[int, Callable[[], None]]] = {}
        self._stop = place.watch(self)
        for member in place.members.values():
            for track in member.tracks.values():
                self.published(member, track)

    def close(self) -> None:
        """Listen no more."""
        self._stop()
        for _, stop in self._stops.values():
            stop()

    def published(self, member: Member, track: Track) -> None:
        """Listen to somebody, if they are wanted."""
        if track.kind != "audio" or self._wanted.participant_id not in ("", member.id):
            return
        self._number = number = self._number + 1 & 0xFFFF
        self._outbox.push({
            "type": "speaker", "number": number, "participant_id": member.id, "name": member.name,
            "language": member.language, "track_id": track.id, "source": track.source,
        })  # fmt: skip
        resampler = Resampler(RATE, self._wanted.rate)
        self._stops[track.id] = number, track.listen(partial(self._heard, number, resampler))

    def unpublished(self, member: Member, track: Track) -> None:
        """Listen to somebody no more."""
        if track.id in self._stops:
            number, stop = self._stops.pop(track.id)
            stop()
            self._outbox.push({"type": "gone", "number": number})

    def _heard(self, number: int, resampler: Resampler, block: Block) -> None:
        at = round(1000 * (self._clock() - self._began)) & 0xFFFF_FFFF
        self._outbox.push(HEAD.pack(number, at) + _bytes(resampler.push(block)))


class _Voice:
    """Plays what comes."""

    def __init__(self, bot: Bot, resampler: Resampler, outbox: Outbox) -> None:
        self._bot, self._resampler, self._outbox = bot, resampler, outbox

    def take(self, frame: WSMessage) -> None:
        """Take a message."""
        try:
            if frame.type is WSMsgType.BINARY:
                self._play(frame.data)
            elif frame.type is WSMsgType.TEXT:
                self._do(SAID.validate_json(frame.data))
        except ValidationError:
            self._refuse("bad_message", "say mark or stop")
        except TranscriberError as error:
            self._refuse(error.code, str(error))

    def _play(self, data: bytes) -> None:
        if len(data) % 2:
            raise BadInput("half a sample: send an even number of bytes")
        samples: Samples = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(FULL)
        self._bot.play(self._resampler.push(samples))

    def _do(self, said: Mark | Stop) -> None:
        if isinstance(said, Stop):
            self._bot.stop()
        else:
            self._bot.mark(lambda whole: self._outbox.push(
                {"type": "played", "id": said.id, "whole": whole}
            ))  # fmt: skip

    def _refuse(self, code: str, message: str) -> None:
        self._outbox.push({"type": "error", "code": code, "message": message})


def _bytes(samples: Samples) -> bytes:
    return (np.clip(samples, -1, 1) * FULL).astype("<i2").tobytes()
