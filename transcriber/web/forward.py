"""
Requests about a room go to the process that has it: a worker of ours, or another instance.

Whoever asks need not know: any instance answers. A request is passed on as it came, before anybody
looked at who asks, and its answer comes back as it is; that goes for WebSockets too. An instance
passes on to another what came from outside, and never what came from an instance: who should have
the room and does not asks to be tried later.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
import structlog
from aiohttp import WSMsgType, web
from aiohttp.typedefs import Middleware
from multidict import CIMultiDict

from transcriber import aio
from transcriber.tls import trust
from transcriber.web.problems import ProblemError

__all__ = ["Forward", "Owner", "Where"]

REACH = 5.0
"""Seconds to connect to another process."""
TRIES = 20
"""Tries to connect, over about eight seconds: a worker that died is back sooner."""
QUIET = 120.0
"""Seconds without a byte after which an answer counts as lost: streams say something every 15."""
LARGEST = 1 << 20
"""Bytes of a WebSocket's message."""
VIA = "X-Transcriber-Via"
"""The header of a request that was passed on."""
HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that belong to one connection."""

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """Where a room is: at a base URL, or behind a Unix socket."""

    url: str = "http://worker"
    socket: str = ""


Where = Callable[[Mapping[str, str]], Awaitable[Owner | None]]
"""Says who has what the parts of a path name, a room or a conversation; nothing: this process."""


class Forward:
    """
    A middleware for requests whose path names a room, by `{room_id}`, or a conversation, by
    `{dialog_id}`; to be entered.
    """

    def __init__(self, where: Where) -> None:
        self._where = where
        self._clients: dict[Owner, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Middleware:
        @web.middleware
        async def forward(request: web.Request, handler: Next) -> web.StreamResponse:
            return await self._handle(request, handler)

        return forward

    async def __aexit__(self, *failure: object) -> None:
        for client in self._clients.values():
            await client.close()

    async def _handle(self, request: web.Request, handler: Next) -> web.StreamResponse:
        name = _named(request)
        if not name or not request.path.startswith("/api/"):
            return await handler(request)
        for pause in aio.backoff(base=0.1, limit=1.0, tries=TRIES):
            owner = await self._where(request.match_info)
            if owner is None:
                return await handler(request)
            with contextlib.suppress(aiohttp.ClientConnectorError):
                return await self._pass(request, owner)
            await asyncio.sleep(pause)
        raise _away(name, "it does not listen")

    async def _pass(self, request: web.Request, owner: Owner) -> web.StreamResponse:
        """Pass a request on; raises `ClientConnectorError` if nothing of it was."""
        if VIA in request.headers and not owner.socket:
            raise ProblemError(503, "room-moves", "the room is just moving", retry_after=1)
        passed = asyncio.Event()
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._websocket(request, owner)
            return await self._request(request, owner, passed)
        except aiohttp.WSServerHandshakeError as error:
            raise ProblemError(
                error.status, "refused", "the room refuses this connection"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError) and not passed.is_set():
                raise
            raise _away(_named(request), type(error).__name__) from error

    def _client(self, owner: Owner) -> aiohttp.ClientSession:
        if owner not in self._clients:
            connector = aiohttp.UnixConnector(owner.socket, limit=0) if owner.socket else None
            self._clients[owner] = aiohttp.ClientSession(
                connector=connector or aiohttp.TCPConnector(limit=0, ssl=trust()),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=REACH, sock_read=QUIET),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[_noting_what_is_passed()],
            )
        return self._clients[owner]

    async def _request(
        self, request: web.Request, owner: Owner, passed: asyncio.Event
    ) -> web.StreamResponse:
        async with self._client(owner).request(
            request.method,
            owner.url + request.raw_path,
            headers=_forwarded(request),
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
            trace_request_ctx=passed,
        ) as answer:
            response = web.StreamResponse(status=answer.status, headers=_passed(answer.headers))
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    async def _websocket(self, request: web.Request, owner: Owner) -> web.StreamResponse:
        wanted = request.headers.get("Sec-WebSocket-Protocol", "")
        async with self._client(owner).ws_connect(
            owner.url + request.raw_path,
            headers=_forwarded(request),
            protocols=[one.strip() for one in wanted.split(",") if one.strip()],
            autoping=False,
            autoclose=False,
            max_msg_size=LARGEST,
            timeout=aiohttp.ClientWSTimeout(ws_receive=QUIET),
        ) as theirs:
            chosen = (theirs.protocol,) if theirs.protocol else ()
            ours = web.WebSocketResponse(
                protocols=chosen, autoping=False, autoclose=False, max_msg_size=LARGEST
            )
            await ours.prepare(request)
            async with _both(_pump(theirs, ours), _pump(ours, theirs)):
                return ours


def _noting_what_is_passed() -> aiohttp.TraceConfig:
    """
    Have the event set that a request names as soon as some of it is sent.

    The client repeats what may be repeated when its connection breaks. Where that finds nobody, the
    first time may have been what ended the process: it must not end the next one too.
    """

    async def sent(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        if context.trace_request_ctx:
            context.trace_request_ctx.set()

    noting = aiohttp.TraceConfig()
    noting.on_request_headers_sent.append(sent)
    return noting


def _named(request: web.Request) -> str:
    return request.match_info.get("room_id") or request.match_info.get("dialog_id", "")


def _away(room: str, problem: str) -> ProblemError:
    log.warning("room cannot be reached", room=room, problem=problem)
    return ProblemError(503, "room-away", "the room cannot be reached right now", retry_after=2)


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pump(source: Socket, target: Socket) -> None:
    """Pass on messages until one side is closed, and then how it was closed."""
    async for message in source:
        match message.type:
            case WSMsgType.TEXT:
                await target.send_str(message.data)
            case WSMsgType.BINARY:
                await target.send_bytes(message.data)
            case WSMsgType.PING:
                await target.ping(message.data)
            case WSMsgType.PONG:
                await target.pong(message.data)
    await target.close(code=source.close_code or aiohttp.WSCloseCode.GOING_AWAY)


@contextlib.asynccontextmanager
async def _both(one: Awaitable[None], other: Awaitable[None]) -> AsyncIterator[None]:
    """Do both until one is done."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _forwarded(request: web.Request) -> CIMultiDict[str]:
    headers = _passed(request.headers)
    headers[VIA] = "1"
    hops = [*headers.popall("X-Forwarded-For", ()), request.remote]
    headers["X-Forwarded-For"] = ", ".join(filter(None, hops))
    headers["X-Request-Id"] = structlog.contextvars.get_contextvars().get("request", "")
    return headers


def _passed(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP
    )
