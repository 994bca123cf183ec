"""
Live audio over WebSockets: `/v1/stream`, and `/api/asr-streaming` as `moshi-server` has it.

Both are the same conversation in two languages: one task reads, one writes, and each ends the
other. The reader stops reading while too much audio waits, so TCP slows a client that floods. The
writer has a deadline for every message, so a client that does not read is let go. Refusals come
after the upgrade, in words: proxies turn a refused upgrade into a failure without a reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, cast, get_args

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from modal_app import protocol
from modal_app.batcher import Busy
from modal_app.decode import OggStream, OpusPackets
from modal_app.hub import Hub, Line
from modal_app.protocol import (
    EOS,
    MAX_MESSAGE,
    Audio,
    End,
    Error,
    Finish,
    Format,
    Malformed,
    Marker,
    Message,
    OggOpus,
    Pcm,
    Ready,
    Samples,
)

__all__ = ["moshi", "stream"]

HEARTBEAT = 15.0
"""Seconds between pings; a client that answers none is gone after one and a half of them."""
PATIENCE = 10.0
"""Seconds a client may take to read what is sent to it."""
CLOSES = {"ended": WSCloseCode.OK, "idle": WSCloseCode.OK}
"""Close codes of the reasons that are no trouble; all others are 1001, going away."""


class Talk(Protocol):
    """One of the two protocols, for one client."""

    async def say(self, socket: Socket, message: Message) -> None:
        """Send a message to the client."""

    async def hear(self, line: Line, message: WSMessage) -> Error | None:
        """Do what the client says; gives what it is to be told about a mistake."""


class Socket(web.WebSocketResponse):
    """A WebSocket that says why in words before it closes a connection by itself."""

    talk: Talk | None = None
    transport: asyncio.Transport
    heard = True
    """Whether the client gave a sign of life since this was last set to False."""

    async def say(self, message: Message) -> bool:
        """
        Send a message; False when the client is gone or does not read.

        Then the connection is dropped at once with whatever waits in it: the kernel would keep
        that for minutes, and aiohttp cannot wait for the same buffer twice.
        """
        assert self.talk is not None
        return await self.sent(self.talk.say(self, message))

    async def sent(self, sending: Awaitable[None]) -> bool:
        """Wait for what is being sent, as `say` does."""
        try:
            async with asyncio.timeout(PATIENCE):
                await sending
        except (ConnectionError, TimeoutError):
            self.transport.abort()
            return False
        return True

    async def close(
        self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True
    ) -> bool:
        """Close; a message that is too long or broken is answered before."""
        if code in (WSCloseCode.MESSAGE_TOO_BIG, WSCloseCode.PROTOCOL_ERROR) and self.talk:
            why = f"messages are well formed and have at most {MAX_MESSAGE} bytes"
            await self.say(Error(why))
        return await super().close(code=code, message=message, drain=drain)


class Stream:
    """The conversation of `/v1/stream`."""

    def __init__(self, audio: Callable[[bytes], Samples]) -> None:
        self._audio = audio

    async def say(self, socket: Socket, message: Message) -> None:
        """Send JSON."""
        await socket.send_str(protocol.encode(message))

    async def hear(self, line: Line, message: WSMessage) -> Error | None:
        """Take in audio or a command; text that is none is answered and changes nothing."""
        if message.type is WSMsgType.BINARY and message.data != EOS:
            await line.feed(self._audio(message.data))
            return None
        try:
            command = Finish() if message.data == EOS else protocol.command(message.data)
        except Malformed as problem:
            return Error(str(problem))
        if isinstance(command, Finish):
            line.finish()
        else:
            line.flush(command.id)
        return None


class Moshi:
    """The conversation of `/api/asr-streaming`; text is ignored, as Kyutai's server does."""

    def __init__(self) -> None:
        self._ogg: OggStream | None = None

    async def say(self, socket: Socket, message: Message) -> None:
        """Send msgpack."""
        for data in protocol.encode_moshi(message):
            await socket.send_bytes(data)

    async def hear(self, line: Line, message: WSMessage) -> Error | None:
        """Take in audio or a marker; anything else ends the stream after its last words."""
        if message.type is not WSMsgType.BINARY:
            return None
        try:
            request = protocol.unpack_request(message.data)
        except Malformed as problem:
            line.finish()
            return Error(str(problem))
        match request:
            case Audio(pcm):
                await line.feed(pcm)
            case OggOpus(data):
                self._ogg = self._ogg or OggStream()
                await line.feed(self._ogg.read(data))
            case Marker(marker):
                line.flush(marker)
        return None


async def stream(request: web.Request, hub: Hub) -> web.StreamResponse:
    """Serve `/v1/stream`; `?format=` names the audio, `?steps=1` asks for progress."""
    kind = request.query.get("format", "f32")
    try:
        reader = OpusPackets() if kind == "opus" else Pcm(cast(Format, kind))
    except Malformed as problem:
        talk = Stream(Pcm("f32").read)
        socket = await _accept(request, talk)
        await _refuse(socket, Error(str(problem)), WSCloseCode.POLICY_VIOLATION)
        return socket
    talk = Stream(reader.read)
    steps = request.query.get("steps") == "1"
    return await _serve(await _accept(request, talk), talk, hub, steps=steps)


async def moshi(request: web.Request, hub: Hub) -> web.StreamResponse:
    """Serve `/api/asr-streaming`."""
    talk = Moshi()
    return await _serve(await _accept(request, talk), talk, hub, steps=True)


async def _accept(request: web.Request, talk: Talk) -> Socket:
    socket = Socket(max_msg_size=MAX_MESSAGE, autoping=False, timeout=PATIENCE, compress=False)
    socket.talk = talk
    assert isinstance(request.transport, asyncio.Transport)
    socket.transport = request.transport
    await socket.prepare(request)
    return socket


async def _refuse(socket: Socket, why: Error, code: WSCloseCode) -> None:
    if await socket.say(why):
        await socket.close(code=code, message=why.message.encode()[:120])


async def _serve(socket: Socket, talk: Talk, hub: Hub, *, steps: bool) -> Socket:
    try:
        async with hub.open(steps=steps) as line, asyncio.TaskGroup() as tasks:
            tasks.create_task(_write(socket, line))
            watching = tasks.create_task(_watch(socket))
            try:
                await _read(socket, talk, line)
            finally:
                watching.cancel()
                line.abort("connection lost")  # without effect when it has ended
    except Busy as full:
        why = Error(str(full), full.retry_after)
        await _refuse(socket, why, WSCloseCode.TRY_AGAIN_LATER)
    return socket


async def _read(socket: Socket, talk: Talk, line: Line) -> None:
    async for message in socket:
        if message.type is WSMsgType.PING:
            await socket.sent(socket.pong(message.data))
        elif message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
            mistake = await talk.hear(line, message)
            if mistake and not await socket.say(mistake):
                return
        socket.heard = True


async def _watch(socket: Socket) -> None:
    """
    Ping a client that is silent, and drop one that does not answer.

    aiohttp would set a clock anew for every message; this looks four times a minute.
    """
    while socket.heard:
        socket.heard = False
        await asyncio.sleep(HEARTBEAT)
        if not socket.heard:
            await socket.sent(socket.ping())
            await asyncio.sleep(HEARTBEAT / 2)
    socket.transport.abort()


async def _write(socket: Socket, line: Line) -> None:
    """Say everything up to the end, then close."""
    there = await socket.say(Ready(line.slot, get_args(Format)))
    async for message in line:
        there = there and await socket.say(message)
        if not there:
            line.abort("connection lost")
        elif isinstance(message, End):
            code = CLOSES.get(message.reason, WSCloseCode.GOING_AWAY)
            await socket.close(code=code, message=message.reason.encode())
