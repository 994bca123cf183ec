"""
Our subscription to one speaker's stream, for as long as he is to be heard.

Nobody tells us that a stream has died: its speaker publishes anew, his browser is gone, Janus is
killed, and the signaling server says nothing. So everything that is expected here has its time, and
what does not come is asked for again, in the one order that was measured to work: close our own
connection, wait a moment, ask. The signaling server itself waits for a speaker who is about to
publish; a refusal after such a wait is no failure, and the next request follows at once.

What belongs to an older connection names another `sid` and is dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Protocol

import structlog

from hpb import Candidate, Failed, HpbError, Offer, Request, requests
from transcriber import aio
from transcriber.audio.block import Block
from transcriber.errors import BadInput, TranscriberError
from transcriber.rtc import Ears, NoKeys, NoRelay, NoRoute, Unreachable
from transcriber.rtc.receiver import Receiver
from transcriber.rtc.stream import OnBlock

__all__ = ["Subscription", "Unheard"]

OFFER = 12.0
"""Seconds for an offer; the server itself waits 10 for the speaker to publish."""
CONNECT = 3.0
"""Seconds for a connection; it takes a tenth of one, or a second more if a packet is lost."""
SILENCE = 5.0
"""Seconds without a packet after which a stream is taken for dead; the muted send silence."""
PAUSE = 0.2
"""Seconds from closing one connection to asking for the next: sooner, the new one is closed too."""
WAITED = 5.0
"""Seconds after which a refusal means that the server waited for a speaker in vain."""
DEAF = 3
"""Tries in a row without any sound after which somebody should know."""
EARLY = 64
"""Candidates that may come before we have answered."""
GATE = 127
"""The audio level that only digital silence has; such packets need not be decoded."""

TOLD = ("received", "lost", "recovered", "concealed", "late", "malformed", "jitter_ms")
"""What the log says of a speaker's sound when it ends: packets, and how unevenly they came."""

log = structlog.get_logger(__name__)


class Unheard(TranscriberError):
    """A speaker's stream was not offered, or nothing comes through it; asking again may help."""

    code = "unheard"


class Unrouted(Unheard):
    """No address of the media server answers."""

    code = "unheard_no_route"


class Unrelayed(Unheard):
    """No address of the media server answers, and no TURN server helps."""

    code = "unheard_no_turn"


class Unkeyed(Unheard):
    """The media server answers, and the handshake fails."""

    code = "unheard_no_keys"


class Signals(Protocol):
    """The way to the signaling server."""

    @property
    def joined(self) -> bool:
        """Whether we are in the room right now."""

    async def send(self, request: Request) -> str:
        """Send a request; returns the id that a failure will name."""


class Connection(Protocol):
    """The way to the speaker's sound, used once; see `rtc.Peer`."""

    @property
    def receiver(self) -> Receiver | None:
        """Who knows how the sound arrived, once there is a way."""

    async def answer(self, offer: str) -> str:
        """Answer an offer, or a later one over the same connection."""

    async def trickle(self, line: str) -> None:
        """Take a candidate; an empty one is the last."""

    async def connect(self, within: float) -> None:
        """Find a way within some seconds."""

    async def close(self) -> None:
        """Free everything."""


class Dial(Protocol):
    """Makes a connection."""

    def __call__(self, *, ears: Ears, on_lost: Callable[[str], None]) -> Connection:
        """Make one that gives its sound to `ears` and says once when its way is lost."""


class Subscription:
    """Hears one speaker; `handshakes` bounds how many connections are made at the same time."""

    def __init__(
        self,
        source: str,
        *,
        hpb: Signals,
        dial: Dial,
        handshakes: asyncio.Semaphore,
        on_block: OnBlock,
        on_trouble: Callable[[Unheard], None],
    ) -> None:
        """`on_trouble` learns once why nothing is heard, when that seems to stay so."""
        self.source = source
        self._hpb = hpb
        self._dial = dial
        self._handshakes = handshakes
        self._on_block = on_block
        self._on_trouble = on_trouble
        self._clock = asyncio.get_running_loop().time
        self._heard_at = 0.0
        self._heard = False
        self._peer: Connection | None = None
        self._sid = ""
        self._asked = ""
        self._offer: Offer | None = None
        self._early: deque[Candidate] = deque(maxlen=EARLY)
        self._problem = ""
        self._news = asyncio.Event()
        self._log = log.bind(speaker=source)

    async def run(self, after: asyncio.Task[None] | None = None) -> None:
        """Hear the speaker until cancelled; starts when an older subscription has ended."""
        if after is not None:
            await asyncio.wait({after})
            await asyncio.sleep(PAUSE)
        waits, deaf = aio.backoff(), 0
        while True:
            self._heard, began = False, self._clock()
            why: Exception | None = None
            try:
                await self._once()
            except (TimeoutError, BadInput, Unreachable, Unheard, HpbError) as problem:
                self._log.info("speaker not heard", problem=str(problem) or "no answer in time")
                why = problem
            aio.heed()  # closing a connection may have lost it
            waited = not self._peer and self._clock() - began >= WAITED
            self._peer, deaf = None, deaf + 1
            if self._heard or waited:
                waits, deaf = aio.backoff(), 0
            if deaf == DEAF:
                self._on_trouble(_explained(why))
            await asyncio.sleep(PAUSE + (0 if self._offer else next(waits)))

    def offered(self, offer: Offer) -> None:
        """The speaker's stream is offered, for the first time or again."""
        if offer.kind == requests.VIDEO:
            self._offer = offer
            self._news.set()

    async def candidate(self, found: Candidate) -> None:
        """A way to reach the stream came; those of another connection may be for the next one."""
        if self._peer and found.sid == self._sid:
            await self._peer.trickle(found.ice.candidate if found.ice else "")
        else:
            self._early.append(found)

    def failed(self, failed: Failed) -> None:
        """A request about this speaker failed; one about an older connection does no harm."""
        about = failed.request
        if failed.id == self._asked or (about and self._sid and about.sid == self._sid):
            self._lost(failed.code)

    async def _once(self) -> None:
        """Have a connection from the first request to its end."""
        self._sid, self._problem = "", ""
        self._news.clear()
        offer = await self._ask()
        ears = Ears(on_block=self._hear, gate=GATE)
        peer = self._dial(ears=ears, on_lost=self._lost)
        try:
            async with self._handshakes:
                await self._answer(peer, offer)
                self._peer, self._sid = peer, offer.sid
                await self._catch_up()
                await peer.connect(CONNECT)
            await self._listen(peer)
        finally:
            if peer.receiver is not None:
                told = asdict(peer.receiver.statistics())
                self._log.info("speaker's sound ends", **{name: told[name] for name in TOLD})
            await peer.close()

    async def _catch_up(self) -> None:
        """Take the candidates that came before we had answered; drop those of older connections."""
        early = [found for found in self._early if found.sid == self._sid]
        self._early.clear()
        for found in early:
            await self.candidate(found)

    async def _ask(self) -> Offer:
        if not self._offer:
            self._early.clear()
            self._asked = await self._hpb.send(requests.request_offer(self.source))
            async with asyncio.timeout(OFFER):
                await self._news.wait()
        offer, self._offer = self._offer, None
        self._news.clear()
        if not offer:
            raise Unheard(f"no offer: {self._problem}")
        return offer

    async def _answer(self, peer: Connection, offer: Offer) -> None:
        answer = await peer.answer(offer.sdp)
        await self._hpb.send(requests.answer(self.source, answer, sid=offer.sid))

    async def _listen(self, peer: Connection) -> None:
        """Hear until the way is lost, nothing comes any more, or another one is offered."""
        self._heard_at = self._clock()
        while not self._problem:
            offer = self._offer
            if offer and offer.sid != self._sid:
                return
            if offer:
                self._offer = None
                await self._answer(peer, offer)
            await self._news_or_silence()
        raise Unheard(f"the connection is lost: {self._problem}")

    async def _news_or_silence(self) -> None:
        try:
            async with asyncio.timeout_at(self._heard_at + SILENCE):
                await self._news.wait()
            self._news.clear()
        except TimeoutError:
            now = self._clock()
            if not self._hpb.joined:
                self._heard_at = now  # nothing can be asked now: a way that comes back is as good
            elif now >= self._heard_at + SILENCE:
                raise Unheard(f"nothing came for {SILENCE:.0f} seconds") from None

    def _hear(self, block: Block) -> None:
        self._heard, self._heard_at = True, self._clock()
        self._on_block(block)

    def _lost(self, why: str) -> None:
        self._problem = why
        self._news.set()


REASONS: tuple[tuple[type[Exception], type[Unheard], str, str], ...] = (
    (
        NoRelay,
        Unrelayed,
        "no way to Talk's media server, and no TURN server",
        "let its UDP ports be reached from here, or name a TURN server in Talk's settings",
    ),
    (
        NoRoute,
        Unrouted,
        "no way to Talk's media server, not even through TURN",
        "let its UDP ports be reached from the TURN server, or from here",
    ),
    (
        NoKeys,
        Unkeyed,
        "Talk's media server is there, but agrees on no keys with us",
        "let nothing between us drop large UDP packets; the log of Janus may say more",
    ),
)
"""What a failure to connect means to an administrator, and what may be done about it."""


def _explained(why: Exception | None) -> Unheard:
    for kind, unheard, problem, remedy in REASONS:
        if isinstance(why, kind):
            return unheard(f"a speaker is not heard: {problem}", remedy=remedy)
    said = str(why or "the stream ends at once") or "no answer in time"
    return Unheard(
        f"a speaker is not heard: {said}",
        remedy="see whether the high-performance backend has its media server",
    )
