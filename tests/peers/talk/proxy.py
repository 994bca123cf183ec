"""
A stretch of network that can be broken.

Everything between a client and a server goes through it: it can delay, cut, end in the middle of a
message, swallow everything without a word, make nonsense of what the server says, and refuse new
connections.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from tests.peers.talk.process import LOOPBACK

__all__ = ["Proxy"]

CHUNK = 65_536


class Proxy:
    """Forwards TCP connections to `port`; `delay` is in seconds, each way."""

    def __init__(self, port: int) -> None:
        self.delay = 0.0
        self.swallow = False
        self.garble = False
        self.refuse = False
        self.connections = 0
        self.open: set[asyncio.StreamWriter] = set()
        self._port = port
        self._left: int | None = None
        self._serving: set[asyncio.Future[None]] = set()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._serving)
        await self._server.wait_closed()

    def cut(self) -> None:
        """End all connections without a word."""
        for writer in self.open:
            writer.transport.abort()

    def cut_after(self, bytes_: int) -> None:
        """End the connection once the server has said so many bytes more."""
        self._left = bytes_

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over = asyncio.get_running_loop().create_future()
        self.connections += 1
        self.open.add(writer)
        self._serving.add(over)
        try:
            if not self.refuse:
                await self._join(reader, writer)
        except (OSError, ExceptionGroup):
            pass  # one side is gone: the other one follows
        finally:
            writer.transport.abort()
            self.open.discard(writer)
            self._serving.discard(over)
            over.set_result(None)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, server = await asyncio.open_connection(LOOPBACK, self._port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, server, lambda data: data))
                both.create_task(self._carry(upstream, writer, self._spoil))
        finally:
            server.transport.abort()

    async def _carry(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        shorten: Callable[[bytes], bytes],
    ) -> None:
        while data := await source.read(CHUNK):
            await asyncio.sleep(self.delay)
            if self.swallow:
                continue
            sink.write(shorten(data))
            await sink.drain()
            if self._left == 0:
                self._left = None
                break
        raise ConnectionAbortedError

    def _spoil(self, data: bytes) -> bytes:
        if self.garble:
            return os.urandom(len(data))
        if self._left is None:
            return data
        data = data[: self._left]
        self._left -= len(data)
        return data
