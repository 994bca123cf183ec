"""
A service on a socket of this machine, and the mischief that services get up to.

What a provider says to which message is a `Conversation`; this is all around it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Protocol

import pytest
from aiohttp import WSMsgType, web

from transcriber.engines.stt.wire import Message

__all__ = ["Conversation", "Mischief", "Server", "hosting", "impatient", "serving"]


class Conversation(Protocol):
    """One client, from the provider's side."""

    over: bool

    def greet(self) -> Iterable[Message]: ...

    def hear(self, message: Message) -> Iterable[Message]: ...


@dataclass
class Mischief:
    """What goes wrong, `times` times; then the service works."""

    times: int = 0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    cold: float = 0.0
    """Seconds until the connection is accepted."""
    cut_after: int | None = None
    """Messages after which the connection is reset."""
    close_after: int | None = None
    """Messages after which it is closed in due form, with 1011."""
    hang_after: int | None = None
    """Messages after which nothing is read, answered or ponged any more."""
    mute_after: int | None = None
    """Messages after which all is read, pings are answered, and nothing is said any more."""
    garbage_after: int | None = None
    """Messages after which nonsense comes."""
    slow: float = 0.0
    """Seconds each message takes."""


@contextmanager
def impatient(module: ModuleType, name: str, kind: str) -> Iterator[None]:
    """Have a service that is to cause a timeout waited for but a moment, and others as usual."""
    with pytest.MonkeyPatch.context() as patch:
        if kind == "timeout":
            patch.setattr(module, name, 0.3)
        yield


@dataclass
class Server:
    """What was seen of its clients."""

    mischief: Mischief = field(default_factory=Mischief)
    url: str = ""
    connections: int = 0
    requests: list[web.Request] = field(default_factory=list)
    heard: list[Message] = field(default_factory=list)
    stuck: asyncio.Event = field(default_factory=asyncio.Event)

    def trouble(self) -> Mischief:
        """What happens to this client."""
        if self.mischief.times <= 0:
            return Mischief()
        self.mischief.times -= 1
        return self.mischief


@asynccontextmanager
async def serving(
    path: str,
    converse: Callable[[web.Request], Conversation],
    mischief: Mischief | None = None,
    *,
    beside: Sequence[web.RouteDef] = (),
) -> AsyncIterator[Server]:
    """Serve WebSockets under a path, and what is `beside` it, until the block is left."""
    server = Server(mischief or Mischief())

    async def handle(request: web.Request) -> web.StreamResponse:
        server.connections += 1
        server.requests.append(request)
        trouble = server.trouble()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.stuck.wait(), trouble.cold)
        if trouble.status:
            return web.Response(status=trouble.status, headers=trouble.headers, text=trouble.body)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await _converse(server, socket, converse(request), trouble, request)
        return socket

    app = web.Application()
    app.router.add_get(path, handle)
    app.router.add_routes(beside)
    async with hosting(app) as url:
        server.url = f"{url}{path}"
        yield server
        server.stuck.set()


@asynccontextmanager
async def hosting(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def _converse(
    server: Server,
    socket: web.WebSocketResponse,
    conversation: Conversation,
    trouble: Mischief,
    request: web.Request,
) -> None:
    for reply in conversation.greet():
        await _say(socket, reply)
    count = 0
    async for message in socket:
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            continue
        server.heard.append(message.data)
        await asyncio.sleep(trouble.slow)
        if trouble.mute_after is not None and count >= trouble.mute_after:
            continue
        for reply in conversation.hear(message.data):
            await _say(socket, reply)
        count += 1
        if await _misbehave(server, socket, trouble, count, request):
            return
        if conversation.over:
            await socket.close()


async def _misbehave(
    server: Server,
    socket: web.WebSocketResponse,
    trouble: Mischief,
    count: int,
    request: web.Request,
) -> bool:
    """Do what is due after so many messages; true when that was the end."""
    if count == trouble.cut_after and request.transport:
        request.transport.abort()
        return True
    if count == trouble.close_after:
        await socket.close(code=1011, message=b"internal error")
        return True
    if count == trouble.garbage_after:
        await _say(socket, "}{ nonsense")
    if count == trouble.hang_after and request.transport:
        request.transport.pause_reading()
        await server.stuck.wait()
        return True
    return False


async def _say(socket: web.WebSocketResponse, message: Message) -> None:
    if isinstance(message, str):
        await socket.send_str(message)
    else:
        await socket.send_bytes(message)
