"""
The conversation with one participant, over a WebSocket.

They must say who they are at once. What we tell them waits in a bounded outbox, and whoever does
not read it is let go. A message that is wrong is answered with an error, and they may go on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import structlog
from aiohttp import WSMsgType, web
from pydantic import ValidationError

from transcriber.errors import BadInput, TranscriberError
from transcriber.rtc.sfu.participant import Participant
from transcriber.rtc.sfu.room import Message, Room
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.rtc.sfu.track import Shown
from transcriber.web.rooms import messages
from transcriber.web.rooms.tokens import Claims, Invalid, Tokens
from transcriber.web.rooms.welcome import NoCaptions, Welcome
from transcriber.web.routes import PUBLIC, Route
from transcriber.web.telling import Over, telling, wrong

__all__ = ["RoomSocket"]

INTRODUCTION = 5.0
"""Seconds until a client must have said who it is."""
OUTBOX = 512
"""Messages that wait for somebody who reads slowly."""
LARGEST = 256 * 1024
"""Bytes of a message to us: descriptions of many cameras come to a tenth of that."""
PACE = 100
"""Messages a second that one client may send."""

log = structlog.get_logger(__name__)


class RoomSocket:
    """Lets people into rooms over WebSockets."""

    def __init__(self, rooms: Rooms, tokens: Tokens, welcome: Welcome) -> None:
        self._rooms, self._tokens, self._welcome = rooms, tokens, welcome

    def routes(self) -> list[Route]:
        """The route; the token comes with the first message."""
        path = "/api/v1/rooms/{room_id}/ws"
        what = "Be in a room, over a WebSocket"
        return [Route("GET", path, self.handle, PUBLIC, what, status=101, answers="")]

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Hold the conversation with one client."""
        room = self._rooms.find(request.match_info["room_id"])
        async with telling(request, most=OUTBOX, largest=LARGEST) as (socket, outbox):
            who = await self._enter(socket, room, outbox.push)
            await self._talk(socket, who, outbox.push)
        return socket

    async def _enter(
        self, socket: web.WebSocketResponse, room: Room, tell: Callable[[Message], None]
    ) -> Participant:
        """Wait for them to say who they are; raises `Over` if they may not come in."""
        said, claims = await self._introduction(socket, room)
        who = self._rooms.resume(room, said.resume) if said.resume else None
        resumed = who is not None
        if who is None:
            who = self._join(room, said, claims)
        elif said.fresh:
            await who.fresh()
        tell(who.ready() | self._welcome.of(room) | {"resumed": resumed})
        who.reach(tell)
        return who

    async def _introduction(
        self, socket: web.WebSocketResponse, room: Room
    ) -> tuple[messages.Join, Claims]:
        try:
            frame = await socket.receive(INTRODUCTION)
        except TimeoutError:
            raise Over("timeout") from None
        if frame.type is not WSMsgType.TEXT:
            raise Over("token")
        try:
            said = messages.read(frame.data)
            if not isinstance(said, messages.Join):
                raise Invalid("nobody says who they are")
            claims = self._tokens.check(said.token, room.id)
        except (ValidationError, Invalid):
            raise Over("token") from None
        if "join" not in claims.grants:
            raise Over("token")
        return said, claims

    def _join(self, room: Room, said: messages.Join, claims: Claims) -> Participant:
        try:
            return self._rooms.join(
                room,
                identity=claims.identity,
                name=" ".join((said.name or claims.name or "Guest").split()),
                grants=claims.grants,
                language=said.language or "",
            )
        except TranscriberError as error:
            raise Over("full" if error.code == "overloaded" else "room_closed") from None

    async def _talk(
        self, socket: web.WebSocketResponse, who: Participant, tell: Callable[[Message], None]
    ) -> None:
        clock = asyncio.get_running_loop().time
        second, count = 0, 0
        try:
            async for frame in socket:
                if frame.type is not WSMsgType.TEXT:
                    raise Over("bad_message")
                now = int(clock())
                second, count = now, count + 1 if now == second else 1
                if count > PACE:
                    raise Over("too_many_messages")
                await self._take(who, frame.data, tell)
        finally:
            who.cut(tell)

    async def _take(self, who: Participant, text: str, tell: Callable[[Message], None]) -> None:
        """Do what a message says, and answer with an error if that cannot be."""
        name = ""
        try:
            said = messages.read(text)
            name = said.type
            await self._do(who, said, tell)
        except ValidationError as error:
            tell(_error("bad_message", wrong(error), _type_of(text)))
        except TranscriberError as error:
            tell(_error(error.code, str(error), name))

    async def _do(
        self, who: Participant, said: messages.Message, tell: Callable[[Message], None]
    ) -> None:
        match said:
            case messages.Publish():
                shown = {one.mid: Shown(one.source, one.encryption or "") for one in said.tracks}
                tell(await who.sending.publish(said.sdp, shown))
            case messages.Answer():
                await who.receiving.answer(said.sdp, said.revision)
            case messages.Candidate():
                line = said.candidate.candidate if said.candidate else ""
                sends = said.peer == "publish"
                await (who.sending if sends else who.receiving).candidate(line)
            case messages.Captions():
                self._read(who, said)
            case messages.Ping():
                tell({"type": "pong"})
            case messages.Join():
                raise BadInput("you have joined already")
            case messages.Data():
                who.say(said.data, said.to)
            case messages.Leave():
                who.leave("left")
            case _:
                self._change(who, said)

    def _change(self, who: Participant, said: messages.Message) -> None:
        match said:
            case messages.Restart():
                who.receiving.restart()
            case messages.Subscribe():
                who.receiving.want(said.track_id, True)
            case messages.Unsubscribe():
                who.receiving.want(said.track_id, False)
            case messages.Layer():
                who.receiving.layer(said.track_id, said.layer)
            case messages.Pause():
                who.receiving.pause(said.track_id, said.paused)
            case messages.Mute():
                who.mute(said.track_id, said.muted)
            case messages.Language():
                who.room.speak(who, said.language)
            case messages.Remove():
                who.remove(said.participant_id)

    def _read(self, who: Participant, said: messages.Captions) -> None:
        who.need("subscribe")
        captions = self._welcome.captions
        if captions is None or not self._welcome.possible(who.room):
            raise NoCaptions("there are no captions in this room")
        if said.on:
            captions.read(who.room, who.id, said.target)
        else:
            captions.stop_reading(who.room, who.id)


def _error(code: str, message: str, about: str) -> Message:
    return {"type": "error", "code": code, "message": message, "for": about}


def _type_of(text: str) -> str:
    try:
        said = json.loads(text)
        return str(said.get("type", ""))[:32] if isinstance(said, dict) else ""
    except (ValueError, RecursionError):
        return ""
