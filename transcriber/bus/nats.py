"""
Events for NATS: everything that happens, but interim words, in a JetStream.

An event is published until the stream has taken it, under its id, by which the stream knows one
that came twice. What waits while NATS is away is kept in memory, and the oldest is forgotten when
that is too much; whoever must not miss an event reads the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import nats
import structlog
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from transcriber import aio
from transcriber.events import Event, SpeechPartial

__all__ = ["Nats"]

WAITING = 50_000
"""Events that wait while NATS is away."""
PATIENCE = 5.0
"""Seconds to connect, and for the stream to take an event."""
KEPT = 7 * 86_400.0
"""Seconds that a stream which we make keeps events."""
TWICE = 120.0
"""Seconds in which a stream which we make knows an event that comes twice."""

log = structlog.get_logger(__name__)


class Nats:
    """Takes events from the bus, and publishes them as `<subject>.<type>`."""

    def __init__(
        self,
        url: str,
        *,
        stream: str,
        subject: str,
        lost: Callable[[], object] = lambda: None,
    ) -> None:
        """`lost` is called for every event that is forgotten."""
        self._url, self._stream, self._subject = url, stream, subject
        self._lost = lost
        self._waiting: aio.Backlog[Event] = aio.Backlog(WAITING)
        self._current: Event | None = None
        self._over = asyncio.Event()

    def take(self, event: Event) -> None:
        """Publish an event soon."""
        if isinstance(event, SpeechPartial):
            return
        if self._waiting.full:
            self._lost()
        self._waiting.push(event)

    def close(self) -> None:
        """No more events: `run` ends when all are published, or NATS is away."""
        self._over.set()
        self._waiting.close()

    async def run(self) -> None:
        """Publish until closed, over new connections when one is lost."""

        def failed(error: Exception) -> bool:
            problem = type(error).__name__
            log.warning("nats is away", problem=problem, waiting=len(self._waiting))
            return isinstance(error, Error | OSError | TimeoutError)

        await aio.supervise(self._live, failed=failed, over=self._over)

    async def _live(self) -> None:
        async with self._connected() as stream:
            if self._current:
                await self._publish(stream, self._current)
            async for event in self._waiting:
                self._current = event
                await self._publish(stream, event)

    async def _publish(self, stream: JetStreamContext, event: Event) -> None:
        await stream.publish(
            f"{self._subject}.{event.type}",
            event.model_dump_json().encode(),
            timeout=PATIENCE,
            headers={"Nats-Msg-Id": event.id},
        )
        self._current = None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[JetStreamContext]:
        async with asyncio.timeout(2 * PATIENCE):
            connection = await nats.connect(
                self._url,
                name="transcriber",
                connect_timeout=PATIENCE,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                error_cb=_unheard,
            )
        try:
            stream = connection.jetstream(timeout=PATIENCE)
            await self._make(stream)
            yield stream
        finally:
            await connection.close()

    async def _make(self, stream: JetStreamContext) -> None:
        """Make the stream, unless there is one; whoever made it has chosen what it keeps."""
        try:
            await stream.stream_info(self._stream)
        except NotFoundError:
            config = StreamConfig(
                name=self._stream,
                subjects=[f"{self._subject}.>"],
                max_age=KEPT,
                duplicate_window=TWICE,
            )
            try:
                await stream.add_stream(config)
            except BadRequestError as error:
                log.warning("nats has no stream for us", problem=str(error.description))


async def _unheard(error: Exception) -> None:
    """What goes wrong with a connection is raised where it is used."""
