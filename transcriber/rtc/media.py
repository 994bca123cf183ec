"""
What all peers of a process share: the reader of sockets, the clock of speech, one certificate.

`async with Media(...)` is the lifetime of everything below it. Reports to the senders go out from
one rotating timer, a few peers at a time.
"""

from __future__ import annotations

import asyncio
import datetime
import math
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from aiortc import RTCCertificate

from transcriber.rtc.buffer import Buffer
from transcriber.rtc.ice import AskServers, IceServer
from transcriber.rtc.pacer import Pacer
from transcriber.rtc.sfu.outbox import Outbox
from transcriber.rtc.tick import Reader

__all__ = ["Media"]

REPORTS = 2.0
"""Seconds between two reports to the same peer, at most."""
TURNS = 0.1, 0.5
"""Seconds between two moments at which some of the peers get their report: many, or few peers."""
HANDSHAKES = 12
"""Handshakes at the same time: more of them only make each other late."""
RENEW = datetime.timedelta(days=1)
"""A certificate that expires sooner is not used for new peers."""


def no_servers() -> Sequence[IceServer]:
    """Name no server: both sides can reach each other's own addresses."""
    return ()


class Reporter(Protocol):
    """A peer with something to report now and then."""

    def report(self, now: float, wall: float) -> None:
        """Send the report."""


class Media:
    """Owns what peers share; peers are made for it and closed before it."""

    def __init__(self, *, ice_servers: AskServers = no_servers) -> None:
        self.ice_servers = ice_servers
        self.handshakes = asyncio.Semaphore(HANDSHAKES)
        self.out = Buffer()
        self._loop = asyncio.get_running_loop()
        self.outbox = Outbox(self.out, self._loop.call_soon)
        self.reader = Reader(self._loop)
        self.pacer = Pacer(self._loop)
        self._certificate: RTCCertificate | None = None
        self._reporters: deque[Reporter] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.closed = False

    async def __aenter__(self) -> Media:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading, speaking and reporting."""
        if self.closed:
            return
        self.closed = True
        self.reader.close()
        self.pacer.close()
        self._reporters.clear()
        if self._timer is not None:
            self._timer.cancel()

    @property
    def certificate(self) -> RTCCertificate:
        """The certificate for new peers, made anew before it expires."""
        now = datetime.datetime.now(datetime.UTC)
        if self._certificate is None or self._certificate.expires < now + RENEW:
            self._certificate = RTCCertificate.generateCertificate()
        return self._certificate

    def now(self) -> float:
        """Return the time that packets are counted by."""
        return self._loop.time()

    def register(self, peer: Reporter) -> None:
        """Have a peer report every `REPORTS` seconds from now on."""
        self._reporters.append(peer)
        if self._timer is None:
            self._timer = self._loop.call_later(TURNS[0], self._report)

    def forget(self, peer: Reporter) -> None:
        """Have a peer report no more."""
        if peer in self._reporters:
            self._reporters.remove(peer)

    def _report(self) -> None:
        share = math.ceil(len(self._reporters) * TURNS[0] / REPORTS)
        now, wall = self._loop.time(), time.time()
        for peer in [self._reporters[place] for place in range(share)]:
            peer.report(now, wall)
        self._reporters.rotate(-share)
        self._timer = None
        if self._reporters and not self.closed:
            pause = sorted((*TURNS, REPORTS / len(self._reporters)))[1]
            self._timer = self._loop.call_later(pause, self._report)
