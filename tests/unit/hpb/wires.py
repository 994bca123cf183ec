"""Connections to the server of the tests, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hpb.errors import Lost
from hpb.wire import Wire
from tests.unit.hpb.server import Server

__all__ = ["Network"]

CUT = object()


class Network:
    """Dials the server; can be down, cut, silent or slow."""

    def __init__(self) -> None:
        self.server = Server()
        self.dials: list[float] = []
        self.pings: list[float] = []
        self.down = False
        self.silent = False
        self.stalled = False
        self.wires: list[_FakeWire] = []

    @asynccontextmanager
    async def dial(self) -> AsyncIterator[Wire]:
        self.dials.append(asyncio.get_running_loop().time())
        if self.down:
            raise Lost("connection refused")
        wire = _FakeWire(self)
        self.wires.append(wire)
        yield wire

    def cut(self) -> None:
        """End the newest connection without a word."""
        self.wires[-1].inbox.put_nowait(CUT)

    def play(self, step: str) -> None:
        """Let something happen, by its name."""
        match step:
            case "down" | "up":
                self.down = step == "down"
            case "silent" | "loud":
                self.silent = step == "silent"
            case "restart":
                self.server.forget()
                self.play("cut")
            case "cut" if self.wires:
                self.cut()
            case "rubbish" if self.wires:
                self.say("{")

    def say(self, text: str) -> None:
        """Let the server say something."""
        self.wires[-1].inbox.put_nowait(text)


class _FakeWire:
    def __init__(self, network: Network) -> None:
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self._network = network

    async def receive(self) -> str | bytes:
        message: str | bytes = await self.inbox.get()
        if message is CUT:
            raise Lost("closed with 1006")
        return message

    async def send(self, frame: bytes) -> None:
        if self._network.stalled:
            await asyncio.sleep(10)
            raise Lost("nothing can be written")
        if not self._network.silent:
            for answer in self._network.server.answers([frame]):
                self.inbox.put_nowait(answer)

    async def ping(self) -> None:
        self._network.pings.append(asyncio.get_running_loop().time())
        if not self._network.silent:
            self.inbox.put_nowait(b"")
