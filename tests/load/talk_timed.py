"""Talk calls whose way out is timed: from the recogniser's word to our frame on the socket."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hpb import Client, Internal, Signaling
from hpb.wire import Wire, dialer
from tests.peers.talk.counting import SAID
from transcriber.connectors.talk.call import Talk

__all__ = ["TimedTalk"]


class TimedTalk(Talk):
    """Does what another one does, and remembers the seconds that each final caption took."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(talk.server, talk.media)
        self.delays: list[float] = []

    def client(self, room: str) -> Client:
        """Make a connection that is timed."""
        dial, who = dialer(self.server.url), Internal(self.server.backend, self.server.secret)

        @asynccontextmanager
        async def timed() -> AsyncIterator[Wire]:
            async with dial() as wire:
                yield _Timed(wire, self.delays)

        return Client(self.server.url, Signaling(room, who), dial=timed)


class _Timed:
    def __init__(self, wire: Wire, delays: list[float]) -> None:
        self._wire, self._delays = wire, delays
        self.receive, self.ping = wire.receive, wire.ping

    async def send(self, frame: bytes) -> None:
        await self._wire.send(frame)
        if found := SAID.search(frame.decode()):
            self._delays.append(time.monotonic() - int(found[3]) / 1e6)
