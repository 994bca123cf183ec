"""
Voices over the network: a request whose answer is sound, or a WebSocket that brings it.

What differs from provider to provider is what is asked and how the answer reads; all else is here.
Nothing is tried twice, and whoever stops listening closes the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp

from transcriber.audio.block import Samples
from transcriber.engines.stt.wire import Address, Connected, Http, Message, explained, refusal
from transcriber.engines.tts.base import Sound, TtsInfo
from transcriber.engines.tts.pcm import Pcm
from transcriber.errors import EngineError

__all__ = ["Online", "Post", "Script", "listen", "read", "request", "sound"]

ANSWER = 10.0
"""Seconds until an answer begins, and between its pieces."""
READ = 16_384
"""Bytes of a piece at most: a third of a second."""
COMPLAINT = 65_536
"""Bytes of an error that are read."""
SENDING = 5.0
"""Seconds to hand a text to the network."""

DUE = (0, aiohttp.WSCloseCode.OK)
"""Codes of a connection that was closed in due form; many give none."""

Refused = Callable[[int, Mapping[str, str], bytes], EngineError]


class Online(Connected, Protocol):
    """Voices whose only resource are connections."""

    info: TtsInfo


@dataclass(frozen=True, slots=True)
class Post:
    """A request: JSON in, sound or an error out."""

    url: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class Script(Protocol):
    """One text on a WebSocket."""

    closes: bool
    """Whether closing the connection in due form is how the provider says that this was all."""

    @property
    def over(self) -> bool:
        """Whether all of it was heard."""

    def say(self) -> Iterable[Message]:
        """What is sent."""

    def heard(self, message: Message) -> Samples | None:
        """Understand a message; raises `EngineError`, also for what cannot be understood."""


@asynccontextmanager
async def request(
    http: Http,
    post: Post,
    refused: Refused = lambda status, headers, body: refusal(status, headers, ""),
    *,
    patience: float = 0.0,
) -> AsyncGenerator[aiohttp.ClientResponse]:
    """Ask; the answer is a good one, of which nothing has been read yet."""
    wait = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER, sock_read=patience or ANSWER)
    async with AsyncExitStack() as stack:
        with explained(post.url):
            answering = http.session.post(
                post.url,
                json=dict(post.body),
                headers=post.headers,
                timeout=wait,
                allow_redirects=False,
            )
            answer = await stack.enter_async_context(answering)
            if answer.status != 200:
                body = await answer.content.read(COMPLAINT)
                raise refused(answer.status, answer.headers, body)
        yield answer


async def sound(answer: aiohttp.ClientResponse, rate: int) -> AsyncGenerator[Samples]:
    """Read samples as they come."""
    pcm = Pcm(rate)
    while data := await read(answer):
        if len(samples := pcm.push(data)):
            yield samples
    if len(samples := pcm.flush()):
        yield samples


async def read(answer: aiohttp.ClientResponse) -> bytes:
    """Read what has come of an answer; nothing at its end."""
    with explained(str(answer.url)):
        return await answer.content.read(READ)


@asynccontextmanager
async def listen(http: Http, address: Address, script: Script) -> AsyncGenerator[Sound]:
    """Hand a text over, and hear it."""
    async with await http.connect(address) as socket:
        try:
            async with asyncio.timeout(SENDING):
                for message in script.say():
                    await _send(socket, message)
        except TimeoutError:
            raise EngineError("timeout", "the text is not taken") from None
        except (OSError, aiohttp.ClientError) as error:
            raise EngineError("network", f"cannot send: {type(error).__name__}") from error
        async with aclosing(_heard(socket, script)) as pieces:
            yield pieces


async def _heard(
    socket: aiohttp.ClientWebSocketResponse, script: Script
) -> AsyncGenerator[Samples]:
    while not script.over:
        try:
            message = await socket.receive(ANSWER)
        except TimeoutError:
            raise EngineError("timeout", "the sound does not come") from None
        if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            if script.closes and socket.close_code in DUE:
                return
            raise _lost(socket, message)
        samples = script.heard(message.data)
        if samples is not None and len(samples):
            yield samples


async def _send(socket: aiohttp.ClientWebSocketResponse, message: Message) -> None:
    if isinstance(message, str):
        await socket.send_str(message)
    else:
        await socket.send_bytes(message)


def _lost(socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage) -> EngineError:
    """Say how the connection ended; a policy is what providers call a key they do not know."""
    reason = message.extra if isinstance(message.extra, str) else ""
    told = f"{socket.close_code} {reason}".strip()
    match socket.close_code:
        case aiohttp.WSCloseCode.TRY_AGAIN_LATER:
            return EngineError("busy", f"the connection was closed ({told})")
        case aiohttp.WSCloseCode.POLICY_VIOLATION:
            return EngineError("auth", f"we are not let in ({told})", remedy="check the key")
    return EngineError("network", f"the connection was closed ({told})")
