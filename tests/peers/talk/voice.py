"""
People who speak with ready-made packets: cheap enough for a hundred of them on one machine.

Each is a person with a client of his own who publishes a clip again and again, and who comes back
as a new one when his way is lost, as a browser does.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from hpb import Answer, Candidate, Client, HpbError, Joined
from hpb.requests import offer
from tests.peers.talk.watch import Watched, watch
from transcriber.errors import TranscriberError
from transcriber.rtc import Clip, Media, Peer

__all__ = ["Voice", "voiced"]

AHEAD = 2
"""Clips that wait to be sent, so that there is no gap between two."""


@asynccontextmanager
async def voiced(person: Watched, media: Media, clip: Clip) -> AsyncIterator[None]:
    """Publish a clip, again and again, for as long as the block lasts."""
    me, sid = person.hpb.session_id, secrets.token_hex(8)
    peer = Peer(media, mouth=True)
    try:
        await person.hpb.send(offer(me, await peer.offer(), sid=sid))
        answered = await person.until(Answer, lambda found: found.sid == sid)
        await peer.accept(answered.sdp)
        told = await person.until(Candidate, lambda found: found.sid == sid and bool(found.ice))
        assert told.ice
        await peer.trickle(told.ice.candidate)
        await peer.connect()
        for _ in range(AHEAD):
            _again(peer, clip)
        yield
    finally:
        await peer.close()


def _again(peer: Peer, clip: Clip) -> None:
    assert peer.sender
    peer.sender.play(clip)
    peer.sender.mark(lambda reached: _again(peer, clip) if reached else None)


class Voice:
    """Somebody who speaks until he is cancelled, whatever becomes of the servers."""

    def __init__(
        self, client: Callable[[], Client], enter: Callable[[], Awaitable[None]], clip: Clip
    ) -> None:
        """`client` makes one for each try, `enter` tells Nextcloud that he is in the call."""
        self.speaking = asyncio.Event()
        self._client, self._enter, self._clip = client, enter, clip
        self._anew = asyncio.Event()

    def come_back(self) -> None:
        """Give up the way there is and come as a new session."""
        self.speaking.clear()
        self._anew.set()

    async def run(self, media: Media) -> None:
        """Speak."""
        while True:
            self._anew.clear()
            try:
                async with watch(self._client()) as (person,):
                    await self._enter()
                    async with voiced(person, media, self._clip):
                        self.speaking.set()
                        await self._until_forgotten(person)
            except (HpbError, TranscriberError, TimeoutError, OSError):
                await asyncio.sleep(0.5)
            finally:
                self.speaking.clear()

    async def _until_forgotten(self, person: Watched) -> None:
        """Wait until the server knows us no more, or we are told to come anew."""
        forgotten = asyncio.ensure_future(
            person.until(Joined, lambda found: not found.resumed, within=3600)
        )
        told = asyncio.ensure_future(self._anew.wait())
        try:
            await asyncio.wait({forgotten, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (forgotten, told):
                task.cancel()
            await asyncio.gather(forgotten, told, return_exceptions=True)
