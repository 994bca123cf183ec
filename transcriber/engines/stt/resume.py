"""
A recogniser that carries on when the engine behind it fails: the same for every engine.

An engine makes no second try, so this wrapper does. It keeps the audio whose words have not come
(`KEEP` seconds at most), opens the engine again, and lets it hear that audio once more: the words
come late, but they come, once each, and the stream's clock never notices. While the engine cannot
be reached, the first new try comes at once, five more at growing distances, then slow ones until
the speaker leaves; a `Retry-After` is honoured. An engine that says that trying again cannot help
ends the stream, as does one that does not finish in time after the last word.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

import structlog

from transcriber import aio
from transcriber.audio.block import SECONDS, Block
from transcriber.engines.stt.base import (
    Final,
    Heard,
    Interrupted,
    Progress,
    StreamOptions,
    Stt,
    SttStream,
)
from transcriber.engines.stt.outbox import Outbox
from transcriber.engines.stt.replay import Tape, Timeline, Told
from transcriber.errors import EngineError

__all__ = ["KEEP", "Resuming"]

log = structlog.get_logger(__name__)

KEEP = 30.0
"""Seconds of one speaker's audio kept for an engine that is away (2.9 MB), or for a new hearing."""
QUIET = 8.0
"""Seconds after which audio without any word is settled: more than engines queue and think."""
OPENING = 150.0
"""Seconds for an engine to open a stream: a cold GPU may take two minutes."""
CATCH_UP = 8
"""Times real time at which kept audio is sent: an engine that is flooded takes long to answer."""
LAST_WORDS = 20.0
"""Seconds between the words that still come after the end of the audio."""
HEALTHY = 10.0
"""Seconds that a stream without a final must have lasted for its failure to count as the first."""
CHECKPOINT = 12
"""Blocks (a second) between the marks of what was sent when."""


def pauses() -> Iterator[float]:
    """Seconds before each new try: at once, five times twice as long, then every minute or so."""
    return itertools.chain(
        aio.backoff(base=0.25, tries=1),
        aio.backoff(base=2.0, limit=32.0, tries=5),
        aio.backoff(base=60.0, limit=60.0),
    )


class Resuming:
    """Any engine, carried on with; made of one that others may use too."""

    def __init__(self, stt: Stt, *, keep: float = KEEP) -> None:
        self.info = stt.info
        self.Options = stt.Options
        self._stt = stt
        self._keep = keep

    def unusable(self) -> str:
        """Say what the engine says."""
        return self._stt.unusable()

    async def prepare(self, progress: Progress) -> None:
        """Let the engine load what takes time."""
        await self._stt.prepare(progress)

    async def wake(self, options: StreamOptions) -> None:
        """Wake the engine."""
        await self._stt.wake(options)

    async def __aenter__(self) -> Self:
        await self._stt.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stt.__aexit__(*failure)

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[ResumingStream]:
        """Start listening; returns at once, before the engine is there."""
        stream = ResumingStream(self._stt, options, keep=self._keep)
        async with aio.alongside(stream.run()):
            yield stream


class ResumingStream:
    """One speaker's audio and words, over as many of the engine's streams as it takes."""

    def __init__(self, stt: Stt, options: StreamOptions, *, keep: float) -> None:
        self._stt = stt
        self._options = options
        self._tape = Tape(round(keep / SECONDS))
        self._told = Told()
        self._outbox = Outbox()
        self._sendable = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = asyncio.Event()
        self._deadline: asyncio.Timeout | None = None
        self._problem: EngineError | None = None
        self._log = log.bind(engine=stt.info.name)

    @property
    def dropped(self) -> int:
        """Blocks that no engine ever had."""
        return self._tape.dropped

    def push(self, block: Block) -> None:
        """Send audio."""
        if not self._closed.is_set():
            self._tape.push(block)
            self._sendable.set()

    async def ready(self) -> None:
        """Wait until a block can be pushed without dropping another."""
        while self._tape.full and not self._closed.is_set():
            self._room.clear()
            await self._room.wait()

    def flush(self) -> None:
        """End the utterance now, or once an engine is there."""
        if not self._closed.is_set():
            self._tape.flush()
            self._sendable.set()

    def close(self) -> None:
        """No more audio."""
        if not self._closed.is_set():
            self._closed.set()
            self._sendable.set()
            self._room.set()
            self._hurry()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        async for heard in self._outbox:
            yield heard

    async def run(self) -> None:
        """Listen until closed; what cannot be helped is raised where the words are read."""
        try:
            async with asyncio.timeout(None) as self._deadline:
                if self._closed.is_set():
                    self._hurry()
                await self._carry_on()
            self._problem = None
        except TimeoutError:
            late = EngineError("timeout", "the last words did not come in time")
            self._problem = self._problem or late
        except EngineError as problem:
            self._problem = problem
        finally:
            self._deadline = None
            self.close()
            self._outbox.close(self._problem)

    async def _carry_on(self) -> None:
        now = asyncio.get_running_loop().time
        waits = pauses()
        while True:
            began, told = now(), self._outbox.finals
            problem = await self._listen()
            if problem is None and self._closed.is_set() and not self._tape.waiting:
                return
            healthy = self._outbox.finals > told or now() - began > HEALTHY
            if problem is None and not healthy:
                problem = EngineError("network", "the engine ended the stream at once")
            if healthy:
                waits = pauses()
            if problem is not None:
                await self._pause(problem, next(waits))
            elif not await self._something():
                return
            self._tape.rewind()
            self._told.replayed()

    async def _listen(self) -> EngineError | None:
        """Open one of the engine's streams; returns when it is over what went wrong, if it did."""
        timeline = Timeline()
        try:
            async with AsyncExitStack() as stack:
                stream = await self._opened(stack)
                await stack.enter_async_context(aio.alongside(self._feed(stream, timeline)))
                async for heard in stream:
                    await self._tell(self._told.take(timeline.translate(heard)))
        except EngineError as problem:
            if not problem.retryable:
                raise
            return problem
        return None

    async def _opened(self, stack: AsyncExitStack) -> SttStream:
        try:
            async with asyncio.timeout(OPENING):
                return await stack.enter_async_context(self._stt.open(self._options))
        except TimeoutError:
            raise EngineError("timeout", f"no stream within {OPENING:.0f} seconds") from None

    async def _feed(self, stream: SttStream, timeline: Timeline) -> None:
        """Pass on audio as fast as the engine takes it."""
        now = asyncio.get_running_loop().time
        sent: deque[tuple[float, int]] = deque()
        kept = self._tape.end
        while await self._something():
            await stream.ready()
            index = self._tape.next
            if index < kept:
                await asyncio.sleep(SECONDS / CATCH_UP)
                index = self._tape.next
            block = self._tape.take()
            self._room.set()
            if block is None:
                stream.flush()
                continue
            timeline.sent(index)
            stream.push(block)
            if index % CHECKPOINT == 0:
                sent.append((now() + QUIET, index))
            while sent and sent[0][0] <= now():
                self._settle(sent.popleft()[1])
        stream.close()

    async def _something(self) -> bool:
        """Wait for something to send; false when there will be nothing more."""
        while not self._tape.waiting:
            if self._closed.is_set():
                return False
            self._sendable.clear()
            await self._sendable.wait()
        return True

    def _settle(self, index: int) -> None:
        """If nobody is in the middle of an utterance, what was heard long ago had no words."""
        if not self._told.open:
            self._tape.forget(index)

    async def _tell(self, heard: Heard | None) -> None:
        if heard is None:
            return
        if isinstance(heard, Final):
            self._tape.forget(int(heard.end / SECONDS + 0.01))
            self._room.set()
        if self._closed.is_set():
            self._hurry()
        await self._outbox.put(heard)

    async def _pause(self, problem: EngineError, wait: float) -> None:
        """Wait before a new try; a speaker who leaves brings it forward, unless we must wait."""
        self._problem = problem
        wait = max(wait, problem.retry_after or 0.0)
        self._log.warning(
            "recogniser interrupted", code=problem.code, retry_in=wait, pii_problem=str(problem)
        )
        at = round(self._tape.end * SECONDS, 3)
        await self._outbox.put(Interrupted(at, problem.code, str(problem), wait))
        if problem.retry_after or self._closed.is_set():
            await asyncio.sleep(wait)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), wait)

    def _hurry(self) -> None:
        if self._deadline is not None:
            self._deadline.reschedule(asyncio.get_running_loop().time() + LAST_WORDS)
