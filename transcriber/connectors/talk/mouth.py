"""
Our voice in one call, published through Janus with its first word.

Nobody has us in their call as a speaker before we have something to say. Then we publish as a
browser does, and say in our in-call flags that we have sound once it flows, so that nobody asks for
a stream that does not come. What is played meanwhile waits. When the way is lost, what waited is
given up (whoever speaks is told), and the next word publishes anew, after the pause without which
the server takes the new stream for the old one.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from typing import Protocol

import structlog

from hpb import Answer, Candidate, Failed, HpbError, Request, requests
from hpb.events import AUDIO, IN_CALL
from transcriber.audio.block import Samples
from transcriber.errors import BadInput, TranscriberError
from transcriber.rtc import Unreachable

__all__ = ["Mouth", "Unspoken"]

ANSWER = 12.0
"""Seconds for the answer to our offer; the server itself gives Janus 10."""
CONNECT = 5.0
"""Seconds for a connection."""
PAUSE = 2.0
"""Seconds from the end of one stream of ours to the next: sooner, the old one ends the new one."""
EARLY = 64
"""Candidates that may come before we have taken the answer."""

log = structlog.get_logger(__name__)


class Unspoken(TranscriberError):
    """We could not publish our voice; the next word tries again."""

    code = "unspoken"


class Signals(Protocol):
    """The way to the signaling server: a `Client`."""

    @property
    def session_id(self) -> str:
        """Our session."""

    async def send(self, request: Request) -> str:
        """Send a request."""

    def set_in_call(self, flags: int) -> None:
        """Change our in-call flags."""


class Speaks(Protocol):
    """What a connection sends: a `Sender`."""

    def play(self, what: Samples) -> None:
        """Say something after everything else."""

    def mark(self, reached: Callable[[bool], None]) -> None:
        """Be told when everything so far has gone out."""

    def stop(self) -> None:
        """Be silent at once."""


class Connection(Protocol):
    """The way for our sound, used once; see `rtc.Peer`."""

    @property
    def sender(self) -> Speaks | None:
        """What goes out."""

    async def offer(self) -> str:
        """Offer to speak."""

    async def accept(self, answer: str) -> None:
        """Take the answer."""

    async def trickle(self, line: str) -> None:
        """Take a candidate; an empty one is the last."""

    async def connect(self) -> None:
        """Find a way."""

    async def close(self) -> None:
        """Free everything."""


class Dial(Protocol):
    """Makes a connection that speaks."""

    def __call__(self, *, mouth: bool, on_lost: Callable[[str], None]) -> Connection:
        """Make one that says once when its way is lost."""


class Mouth:
    """Speaks in one call, from when it is run; what is played before waits."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._peer: Connection | None = None
        self._sid = ""
        self._answer: asyncio.Future[Answer] | None = None
        self._accepted = False
        self._early: deque[Candidate] = deque(maxlen=EARLY)
        self._problem = ""
        self._wanted, self._lost = asyncio.Event(), asyncio.Event()

    def play(self, samples: Samples) -> None:
        """Say something after everything else; raises `Overloaded` when minutes of it wait."""
        if self._peer is None:
            self._lost.clear()
            self._peer = self._dial(mouth=True, on_lost=self.lose)
            self._wanted.set()
        self._sender.play(samples)

    def mark(self, reached: Callable[[bool], None]) -> None:
        """Tell whether everything so far has gone out."""
        if self._peer is None:
            reached(True)
        else:
            self._sender.mark(reached)

    def stop(self) -> None:
        """Be silent at once."""
        if self._peer is not None:
            self._sender.stop()

    async def run(self, hpb: Signals) -> None:
        """Publish what is played, until cancelled."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                try:
                    await self._speak(hpb)
                except (TimeoutError, BadInput, Unreachable, Unspoken, HpbError) as problem:
                    why = str(problem) or "no answer in time"
                    log.warning("our voice is not heard", problem=why)
                hpb.set_in_call(IN_CALL)
                await self._forget()
                await asyncio.sleep(PAUSE)
        finally:
            await self._forget()

    def answered(self, answer: Answer) -> None:
        """Our stream was accepted."""
        if answer.sid == self._sid and self._answer and not self._answer.done():
            self._answer.set_result(answer)

    async def candidate(self, found: Candidate) -> None:
        """A way to Janus came; those of an older stream are dropped."""
        if found.sid != self._sid:
            return
        if self._accepted and self._peer:
            await self._peer.trickle(found.ice.candidate if found.ice else "")
        else:
            self._early.append(found)

    def failed(self, failed: Failed) -> None:
        """A request failed; one about an older stream does no harm."""
        if failed.request and failed.request.sid == self._sid:
            self.lose(failed.code)

    def lose(self, why: str) -> None:
        """Our way is gone, or our session, and the stream with it."""
        if self._sid:
            self._problem = why
            self._lost.set()

    @property
    def _sender(self) -> Speaks:
        assert self._peer
        assert self._peer.sender
        return self._peer.sender

    async def _speak(self, hpb: Signals) -> None:
        """Have a stream from its first word to its end."""
        assert self._peer
        losing = asyncio.ensure_future(self._lost.wait())
        publishing = asyncio.ensure_future(self._publish(hpb, self._peer))
        try:
            await asyncio.wait({losing, publishing}, return_when=asyncio.FIRST_COMPLETED)
            if publishing.done():
                publishing.result()
                hpb.set_in_call(IN_CALL | AUDIO)
                log.info("our voice is in the call")
                await losing
            raise Unspoken(self._problem)
        finally:
            for task in (losing, publishing):
                task.cancel()
            await asyncio.gather(losing, publishing, return_exceptions=True)

    async def _publish(self, hpb: Signals, peer: Connection) -> None:
        self._sid, self._accepted = secrets.token_hex(8), False
        self._answer = asyncio.get_running_loop().create_future()
        await hpb.send(requests.offer(hpb.session_id, await peer.offer(), sid=self._sid))
        async with asyncio.timeout(ANSWER):
            answer = await self._answer
        await peer.accept(answer.sdp)
        self._accepted = True
        while self._early:
            await self.candidate(self._early.popleft())
        async with asyncio.timeout(CONNECT):
            await peer.connect()

    async def _forget(self) -> None:
        peer, self._peer = self._peer, None
        self._sid = ""
        self._early.clear()
        if peer:
            await peer.close()
