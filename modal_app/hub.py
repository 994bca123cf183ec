"""
Where the event loop and the step thread meet: who opened which stream, and what it said.

Messages leave the step thread once a step. Each `Line` keeps at most `OUTBOX` of them for its
client; one that does not read is ended with the reason `slow consumer`, so that memory stays flat
and nobody else waits.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from modal_app.batcher import Batcher, Busy, Engine, Limits
from modal_app.protocol import End, Message, Samples
from modal_app.speech import Decode, Rules
from modal_app.stream import Stream

__all__ = ["Hub", "Line", "Model"]

log = structlog.get_logger(__name__)

OUTBOX = 256
"""Messages kept for a client that does not read: twenty seconds of its own words at least."""
BREATH = 0.05
"""Seconds between looks whether a client far ahead may go on."""


@dataclass(frozen=True, slots=True)
class Model:
    """An engine that is ready to step, and what its tokens mean."""

    name: str
    engine: Engine
    decode: Decode
    rules: Rules = field(default_factory=Rules)
    languages: tuple[str, ...] = ("en",)


class Line:
    """One client's stream: audio in, messages out until the `End`."""

    def __init__(self, batcher: Batcher, stream: Stream) -> None:
        self.slot = stream.slot
        self._batcher = batcher
        self._stream = stream
        self._messages: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._over = False

    async def feed(self, samples: Samples) -> None:
        """Send audio; waits while too much of it is waiting already."""
        room = self._batcher.feed(self._stream, samples)
        while not room and not self._over:
            await asyncio.sleep(BREATH)
            room = self._stream.backlog_seconds < self._batcher.limits.backlog

    def flush(self, marker: int) -> None:
        """Ask for everything so far at once."""
        self._stream.flush(marker)

    def finish(self) -> None:
        """Ask for everything so far and the end."""
        self._stream.finish()

    def abort(self, reason: str) -> None:
        """End at once."""
        self._stream.abort(reason)

    def put(self, message: Message) -> None:
        """Keep a message for the client."""
        if isinstance(message, End):
            self._over = True
        elif len(self._messages) >= OUTBOX:
            self._stream.abort("slow consumer")
            return
        self._messages.append(message)
        self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[Message]:
        while True:
            while self._messages:
                message = self._messages.popleft()
                yield message
                if isinstance(message, End):
                    return
            self._arrived.clear()
            await self._arrived.wait()


class Hub:
    """The model and everybody's lines. `run` loads it and serves until it is cancelled or fails."""

    def __init__(self, load: Callable[[], Model], *, limits: Limits | None = None) -> None:
        self.batcher: Batcher | None = None
        self.model: Model | None = None
        self.failed = False
        self._load = load
        self._limits = limits or Limits()
        self._lines: dict[Stream, Line] = {}
        self._crashed = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def state(self) -> str:
        """One word: `loading`, `ok`, `draining` or `failed`."""
        if self.failed:
            return "failed"
        if self.batcher is None:
            return "loading"
        return "draining" if self.batcher.draining else "ok"

    async def run(self) -> None:
        """Load and step; raises what ended it. When it is cancelled every stream has its end."""
        try:
            self.model = model = await asyncio.to_thread(self._load)
        except BaseException:
            self.failed = True
            raise
        loop = asyncio.get_running_loop()

        def deliver(said: Sequence[tuple[Stream, Message]]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and with it the clients
                loop.call_soon_threadsafe(self._route, said)

        self.batcher = Batcher(
            model.engine, model.decode, deliver=deliver, rules=model.rules, limits=self._limits
        )
        self.batcher.start()
        self._changed.set()
        log.info("ready", model=model.name, slots=self.batcher.slots)
        try:
            await self._crashed.wait()
        finally:
            await asyncio.to_thread(self.batcher.stop)
        raise RuntimeError("the engine has failed") from self.batcher.failed

    async def drain(self, patience: float) -> None:
        """Let nobody in any more; wait at most so many seconds until all streams have ended."""
        if self.batcher is None:
            return
        self.batcher.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self.batcher.used and not self.failed:
                    await self._change()

    @contextlib.asynccontextmanager
    async def open(self, *, steps: bool = False, patience: float = 0.0) -> AsyncIterator[Line]:
        """Have a slot, waiting at most `patience` seconds for it; raises `Busy`."""
        stream = await self._slot(steps=steps, patience=patience)
        assert self.batcher is not None
        line = self._lines[stream] = Line(self.batcher, stream)
        try:
            yield line
        finally:
            del self._lines[stream]
            stream.abort("connection lost")

    async def _slot(self, *, steps: bool, patience: float) -> Stream:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while patience and (self.batcher is None or self.batcher.full):
                    await self._change()
        if self.batcher is None:
            raise Busy(f"the model is {self.state}", self._limits.retry_after)
        return self.batcher.open(steps=steps)

    async def _change(self) -> None:
        """Wait until a stream has ended or the model is there."""
        self._changed.clear()
        await self._changed.wait()

    def _route(self, said: Sequence[tuple[Stream, Message]]) -> None:
        for stream, message in said:
            if line := self._lines.get(stream):
                line.put(message)
            if isinstance(message, End):
                self._changed.set()
        if self.batcher is not None and self.batcher.failed is not None:
            self.failed = True
            self._crashed.set()
            self._changed.set()
