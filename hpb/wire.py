"""
The WebSocket, reduced to what a conversation needs.

Everything that can go wrong with a connection comes out as `Lost`. Control frames are handed up as
empty messages: they say nothing, but they show that the server lives.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Protocol

import aiohttp

from hpb.errors import Lost

__all__ = ["Dial", "Wire", "dialer", "endpoint"]

CONNECT = 10.0
"""Seconds for a connection, TLS and upgrade included."""

WRITE = 10.0
"""Seconds for the network to take a message."""

CLOSE = 0.5
"""Seconds a server gets to answer our closing; one that is gone should not hold us up."""

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Bytes of the largest message read; in-call lists of the biggest rooms have a few million."""

ENDED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)


class Wire(Protocol):
    """An open connection."""

    async def receive(self) -> str | bytes:
        """Return the next message, empty for a mere sign of life; raises `Lost` at the end."""
        ...

    async def send(self, frame: bytes) -> None:
        """Send a message; raises `Lost`."""
        ...

    async def ping(self) -> None:
        """Ask for a sign of life; raises `Lost`."""
        ...


Dial = Callable[[], AbstractAsyncContextManager[Wire]]
"""Opens a connection; raises `Lost` when there is none to be had."""


def endpoint(url: str) -> str:
    """Return where a signaling server listens, from any of the ways people write its address."""
    scheme, _, rest = url.strip().rpartition("://")
    secure = scheme.lower() not in ("http", "ws")
    rest = rest.rstrip("/")
    path = "" if rest.endswith("/spreed") else "/spreed"
    return f"{'wss' if secure else 'ws'}://{rest}{path}"


def dialer(url: str, *, tls: ssl.SSLContext | bool = True) -> Dial:
    """Return a `Dial` for the server at `url`; `tls=False` accepts any certificate."""

    @asynccontextmanager
    async def dial() -> AsyncIterator[Wire]:
        timeout = aiohttp.ClientWSTimeout(ws_close=CLOSE)
        async with aiohttp.ClientSession() as http:
            with _lost():
                async with asyncio.timeout(CONNECT):
                    socket = await http.ws_connect(
                        endpoint(url),
                        autoping=False,
                        max_msg_size=MAX_MESSAGE_BYTES,
                        ssl=tls,
                        timeout=timeout,
                    )
            try:
                yield _WebSocket(socket)
            finally:
                await socket.close()

    return dial


class _WebSocket:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes:
        with _lost():
            message = await self._socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                return str(message.data)
            if message.type is aiohttp.WSMsgType.ERROR:
                raise Lost(f"unreadable: {message.data}")
            if message.type in ENDED:
                raise Lost(f"closed with {self._socket.close_code}")
            if message.type is aiohttp.WSMsgType.PING:
                async with asyncio.timeout(WRITE):
                    await self._socket.pong(message.data)
        return b""

    async def send(self, frame: bytes) -> None:
        with _lost():
            async with asyncio.timeout(WRITE):
                await self._socket.send_frame(frame, aiohttp.WSMsgType.TEXT)

    async def ping(self) -> None:
        with _lost():
            async with asyncio.timeout(WRITE):
                await self._socket.ping()


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        raise Lost(str(error) or type(error).__name__) from error
