"""The GPU service in this process, on a real socket, with an engine that says what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from modal_app import protocol
from modal_app.auth import Access
from modal_app.batcher import Engine, Limits
from modal_app.hub import Hub, Model
from modal_app.loopback import Loopback, decode
from modal_app.protocol import End, Message, Word
from modal_app.server import Site, serve
from modal_app.speech import Rules
from tests.ports import free_port

__all__ = ["Client", "Running", "running"]

RULES = Rules(delay=0.16, warm_up=0)
PATIENCE = 10.0


@dataclass(slots=True)
class Running:
    """A service and a client's session."""

    url: str
    port: int
    hub: Hub
    http: aiohttp.ClientSession
    work: asyncio.Task[None]

    @asynccontextmanager
    async def stream(self, **query: str) -> AsyncIterator[Client]:
        """Speak to `/v1/stream`."""
        url = f"{self.url}/v1/stream"
        async with self.http.ws_connect(url, params=query, max_msg_size=0) as ws:
            yield Client(ws)


class Client:
    """One `/v1/stream` conversation."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def next(self) -> Message:
        """Wait for a message; fails when there is none."""
        async with asyncio.timeout(PATIENCE):
            return protocol.decode(await self.ws.receive_str())

    async def rest(self) -> list[Message]:
        """Give everything up to the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            return [protocol.decode(message.data) async for message in self.ws]

    async def finish(self) -> list[Message]:
        """Ask for the end and give everything up to it."""
        await self.ws.send_str('{"type": "end"}')
        return await self.rest()

    async def until(self, kind: type[Any]) -> Any:
        """Skip to the next message of this kind."""
        while not isinstance(message := await self.next(), kind):
            if isinstance(message, End):
                raise AssertionError(f"the stream ended: {message}")
        return message


def words(messages: list[Message]) -> list[str]:
    """Give the words among the messages."""
    return [message.text for message in messages if isinstance(message, Word)]


@asynccontextmanager
async def front(port: int) -> AsyncIterator[int]:
    """Put what stands before the service in production in front of it: here, nothing."""
    yield port


@asynccontextmanager
async def running(
    slots: int = 4,
    *,
    engine: Engine | None = None,
    limits: Limits | None = None,
    access: Access | None = None,
    grace: float = 0.0,
) -> AsyncIterator[Running]:
    """Serve until the block is left."""
    made = engine or Loopback(slots)
    hub = Hub(lambda: Model("loopback", made, decode, RULES), limits=limits)
    site = Site("127.0.0.1", free_port(), access or Access(), 1.0, grace)
    async with (
        serve(hub, site) as work,
        front(site.port) as port,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        async with asyncio.timeout(PATIENCE):
            while hub.state == "loading":  # noqa: ASYNC110 - what a client would do
                await asyncio.sleep(0.01)
        yield Running(f"http://127.0.0.1:{port}", port, hub, http, work)
