"""
Talking to a provider over the network: one WebSocket for each speaker, or one request.

What differs from provider to provider is what the messages mean. That is a `Dialect`: it makes
messages of audio and events of messages, and does no IO. All else is here, once: connecting
within a deadline, a bounded backlog of audio, finding out that nobody is there any more (pings,
answers that are due), saying goodbye, and what an HTTP status means. Nothing is tried twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, Self

import aiohttp
from yarl import URL

from transcriber import aio
from transcriber.audio.block import Block
from transcriber.engines.stt.base import EngineInfo, Heard, Progress, StreamOptions
from transcriber.errors import EngineError, EngineProblem
from transcriber.tls import trust

__all__ = [
    "PATIENCE",
    "Address",
    "Connected",
    "Dialect",
    "Http",
    "Intake",
    "Message",
    "Online",
    "Padding",
    "WireStream",
    "explained",
    "reading",
    "refusal",
    "retry_after",
]

Message = str | bytes

PATIENCE = 62
"""Blocks (five seconds) a stream keeps for a provider that does not take them."""
HEARTBEAT = 2.0
"""Seconds between pings; half as long without any sign of life, and the connection is dead."""
OPENING = 10.0
"""Seconds for a connection, unless the provider is known to need more."""
GREETING = 5.0
"""Seconds for the first message of a provider that greets; some versions do not."""
SENDING = 10.0
"""Seconds to hand one message to the network."""
LAST_WORDS = 15.0
"""Seconds between the messages that still come after the end of the audio."""
GOODBYE = 1.0
"""Seconds to close a connection in due form."""
LONGEST_WAIT = 3_600.0
"""Seconds that a provider can make us wait; who asks for more is asked again after an hour."""
KINDS: dict[int, EngineProblem] = {
    401: "auth",
    403: "auth",
    402: "quota",
    408: "timeout",
    429: "busy",
    503: "busy",
    504: "timeout",
}
"""What an HTTP status means; other 4xx are our fault, other 5xx the engine's."""


class Dialect(Protocol):
    """One conversation with one provider."""

    greets: bool
    """Whether the provider speaks first, before audio is sent."""
    answers: float | None
    """Seconds within which some message follows any audio; None when silence may mean silence."""
    idle: float | None
    """Seconds without audio after which `keep_alive` is sent."""

    @property
    def over(self) -> bool:
        """Whether the provider has said its last word."""

    def hello(self) -> Iterable[Message]:
        """What is sent first."""

    def audio(self, block: Block) -> Iterable[Message]:
        """What is sent for a block."""

    def flush(self) -> Iterable[Message]:
        """What ends the utterance."""

    def end(self) -> Iterable[Message]:
        """What asks for the last words."""

    def keep_alive(self) -> Message:
        """What keeps the connection open without audio."""

    def heard(self, message: Message) -> Iterable[Heard]:
        """Understand a message; raises `EngineError`, also for what cannot be understood."""

    def rest(self) -> Iterable[Heard]:
        """What is left to say when the provider closes as we asked, without a last word."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a provider listens and what it must be told to let us in."""

    url: str
    params: Mapping[str, str] | list[tuple[str, str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    opening: float = OPENING


class Http:
    """The connections of one engine; `async with` opens and closes them."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, ssl=trust())
        self._session = aiohttp.ClientSession(connector=connector)
        return self

    async def __aexit__(self, *failure: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session; raises `EngineError` before it is opened."""
        if self._session is None:
            raise EngineError("engine", "the engine has not been entered")
        return self._session

    async def connect(self, address: Address) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket."""
        with explained(address.url):
            async with asyncio.timeout(address.opening):
                return await self.session.ws_connect(
                    address.url,
                    params=address.params,
                    headers=address.headers,
                    heartbeat=HEARTBEAT,
                    timeout=aiohttp.ClientWSTimeout(ws_close=GOODBYE),
                )

    @asynccontextmanager
    async def talk(self, address: Address, dialect: Dialect) -> AsyncIterator[WireStream]:
        """Hold a conversation; it begins when the provider is ready to listen."""
        async with await self.connect(address) as socket:
            stream = WireStream(socket, dialect)
            await stream.greet()
            async with aio.alongside(stream.send()), aio.alongside(stream.stay()):
                yield stream

    async def knock(self, address: Address) -> None:
        """Make a request whose answer does not matter, so that whoever sleeps there wakes up."""
        scheme = "https" if address.url.startswith("wss") else "http"
        url = URL(address.url).with_scheme(scheme)
        with explained(address.url):
            async with (
                asyncio.timeout(address.opening),
                self.session.get(url, headers=address.headers),
            ):
                return


class Connected(Protocol):
    """What engines have in common whose only resource are connections."""

    info: Any
    http: Http

    async def prepare(self, progress: Progress) -> None:
        """Nothing needs to be loaded here."""
        progress(f"{self.info.name} ready", 1.0)

    async def __aenter__(self) -> Self:
        await self.http.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.http.__aexit__(*failure)


class Online(Connected, Protocol):
    """Recognisers of that kind."""

    info: EngineInfo

    async def wake(self, options: StreamOptions) -> None:
        """Services that sleep say so by a method of their own."""
        return


class Intake(Protocol):
    """Where a stream takes in audio: a bounded backlog, in which None is a flush."""

    _blocks: aio.Backlog[Block | None]

    @property
    def dropped(self) -> int:
        """Blocks forgotten because the provider did not take them."""
        return self._blocks.dropped

    def push(self, block: Block) -> None:
        """Send audio."""
        if not self._blocks.closed:
            self._blocks.push(block)

    async def ready(self) -> None:
        """Wait until a block can be pushed without dropping another."""
        await self._blocks.room()

    def flush(self) -> None:
        """End the utterance now."""
        if not self._blocks.closed:
            self._blocks.push(None)

    def close(self) -> None:
        """No more audio."""
        self._blocks.close()


class WireStream(Intake):
    """One speaker's audio going to a provider, and words coming back."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, dialect: Dialect) -> None:
        self._socket = socket
        self._dialect = dialect
        self._blocks = aio.Backlog(PATIENCE)
        self._now = asyncio.get_running_loop().time
        self._sent_at = self._now()
        self._ended = False
        self._due: float | None = None
        self._deadline: asyncio.Timeout | None = None
        self._early: list[Heard] = []

    async def greet(self) -> None:
        """Say hello, and wait until the provider does; an old one that does not is forgiven."""
        for message in self._dialect.hello():
            await self._say(message)
        if self._dialect.greets:
            self._due = self._now() + GREETING
            try:
                self._early += self._dialect.heard(await self._receive())
            except TimeoutError:
                self._due = None

    async def send(self) -> None:
        """Send what is pushed, until closed; a broken connection is told where words are read."""
        try:
            async for block in self._blocks:
                dialect = self._dialect
                for message in dialect.flush() if block is None else dialect.audio(block):
                    await self._say(message)
                self._sent_at = self._now()
                if dialect.answers is not None:
                    self._expect(dialect.answers)
            for message in self._dialect.end():
                await self._say(message)
            self._ended = True
            self._due = None
            self._expect(LAST_WORDS)
        except (OSError, aiohttp.ClientError):
            self._blocks.close()
        except TimeoutError:
            self._blocks.close()
            self._due = None
            self._expect(0.0)

    async def stay(self) -> None:
        """Keep the connection open while nothing is said."""
        idle = self._dialect.idle
        while idle is not None and not self._blocks.closed:
            await asyncio.sleep(idle / 2)
            if self._now() - self._sent_at >= idle / 2:
                try:
                    await self._say(self._dialect.keep_alive())
                except (OSError, aiohttp.ClientError, TimeoutError):
                    return

    async def __aiter__(self) -> AsyncIterator[Heard]:
        try:
            for heard in self._early:
                yield heard
            while not self._dialect.over:
                try:
                    message = await self._receive()
                except TimeoutError:
                    raise EngineError("timeout", "no answer") from None
                except EOFError:
                    if not self._ended or self._socket.close_code != aiohttp.WSCloseCode.OK:
                        raise self._lost() from None
                    break
                for heard in self._dialect.heard(message):
                    yield heard
            for heard in self._dialect.rest():
                yield heard
        finally:
            self._blocks.close()

    async def _say(self, message: Message) -> None:
        async with asyncio.timeout(SENDING):
            if isinstance(message, str):
                await self._socket.send_str(message)
            else:
                await self._socket.send_bytes(message)

    async def _receive(self) -> Message:
        """Wait for a message, until it is due; raises `EOFError` when there are no more."""
        try:
            async with asyncio.timeout_at(self._due) as self._deadline:
                message = await self._socket.receive()
        finally:
            self._deadline = None
        self._due = self._now() + LAST_WORDS if self._ended else None
        if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            raise EOFError
        data: Message = message.data
        return data

    def _expect(self, seconds: float) -> None:
        """A message is due so many seconds from now, if none was due before."""
        if self._due is None:
            self._due = self._now() + seconds
            if self._deadline is not None:
                self._deadline.reschedule(self._due)

    def _lost(self) -> EngineError:
        """Say how the connection ended."""
        if isinstance(self._socket.exception(), TimeoutError):
            return EngineError("timeout", "no sign of life")
        code = self._socket.close_code
        kind: EngineProblem = "busy" if code == aiohttp.WSCloseCode.TRY_AGAIN_LATER else "network"
        return EngineError(kind, f"the connection was closed (code {code})")


class Padding:
    """Silence of ours among the speaker's audio: what it does to the provider's clock."""

    def __init__(self) -> None:
        self._sent = 0.0
        self._inserted: list[tuple[float, float]] = []

    @property
    def sent(self) -> float:
        """Seconds of the speaker's audio so far."""
        return self.ours(self._sent)

    def passed(self, seconds: float) -> None:
        """Audio of the speaker was sent."""
        self._sent += seconds

    def inserted(self, seconds: float) -> None:
        """Silence of ours was sent."""
        self._inserted.append((self._sent, seconds))
        self._sent += seconds

    def ours(self, at: float) -> float:
        """Turn a time of the provider's into one of the speaker's."""
        return round(at - sum(min(at - began, s) for began, s in self._inserted if at > began), 3)


@contextmanager
def reading() -> Iterator[None]:
    """What is not as documented cannot be read, and says so."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise EngineError("engine", "the answer cannot be read") from error


def refusal(status: int, headers: Mapping[str, str], reason: str) -> EngineError:
    """Say what an HTTP status means for us."""
    kind = KINDS.get(status) or ("engine" if status >= 500 else "bad_request")
    remedy = {
        "auth": "check the key",
        "quota": "check the account",
        "bad_request": "check the address, the model and the language",
    }.get(kind, "")
    wait = retry_after(headers.get("Retry-After", ""))
    return EngineError(kind, f"HTTP {status} {reason}".strip(), remedy=remedy, retry_after=wait)


def retry_after(value: str, *, now: datetime | None = None) -> float | None:
    """Read a `Retry-After` header, seconds or a date; None when it is neither."""
    if value.strip().isdigit():
        wait = float(value)
    else:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        wait = (
            date.replace(tzinfo=date.tzinfo or UTC) - (now or datetime.now(UTC))
        ).total_seconds()
    return min(max(0.0, wait), LONGEST_WAIT)


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what goes wrong on the way there into what we say about it."""
    try:
        yield
    except aiohttp.WSServerHandshakeError as error:
        raise refusal(error.status, error.headers or {}, "") from error
    except (aiohttp.InvalidURL, ValueError) as error:
        raise EngineError("bad_request", f"{url} is not an address") from error
    except TimeoutError as error:
        raise EngineError("timeout", "no answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise EngineError("network", f"cannot connect: {type(error).__name__}") from error
