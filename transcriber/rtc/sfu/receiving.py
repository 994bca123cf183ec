"""
What one participant gets of a room: our offers, one at a time, and what they wish of each track.

Everything is offered unless they do not want it. An offer waits for the answer to the one before;
what changes meanwhile is in the next.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import structlog

from transcriber.rtc.media import Media
from transcriber.rtc.path import Path, Unreachable
from transcriber.rtc.sfu.adaptation import Adaptation
from transcriber.rtc.sfu.connecting import Connecting, Owner
from transcriber.rtc.sfu.subscriber import Offer, Subscriber
from transcriber.rtc.sfu.track import Track

__all__ = ["Receiving"]

TRIES = 3
"""How often a way to them is looked for, until they ask for another themselves."""
ANSWERING = 20.0
"""Seconds an offer of ours may stay without an answer before the next one is sent anyway."""
log = structlog.get_logger(__name__)


class Receiving:
    """What somebody gets."""

    def __init__(self, owner: Owner, media: Media) -> None:
        self._owner = owner
        self._subscriber = Subscriber(
            media,
            on_lost=self._lost,
            on_layer=lambda id_, layer: owner.tell(
                {"type": "layer", "track_id": id_, "layer": layer}
            ),
        )
        self._connecting = Connecting(owner, "subscribe", self._subscriber, failed=self._try_again)
        self._turn = asyncio.Lock()
        self._unwanted: set[str] = set()
        self._changed, self._answered = asyncio.Event(), asyncio.Event()
        self._restart = False
        self._settled = True
        self._log = log.bind(room=owner.room.id, participant=owner.id)

    async def run(self) -> None:
        """Offer what they can get, each time that changes; never before the last answer."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                async with self._turn:
                    offer = await self._offer()
            except Unreachable as error:
                self._log.warning("no offer", problem=str(error))
                continue
            if offer is None:
                continue
            self._owner.tell({"type": "offer", **asdict(offer)})
            try:
                async with asyncio.timeout(ANSWERING):
                    await self._answered.wait()
            except TimeoutError:
                self._log.info("offer not answered", revision=offer.revision)

    async def _offer(self) -> Offer | None:
        """Offer what they can get now, unless they have just that."""
        wanted, restart = self._wanted, self._restart
        if self._settled and not restart and wanted.keys() == self._subscriber.legs.keys():
            return None
        self._restart = self._settled = False
        self._answered.clear()
        return await self._subscriber.offer(wanted, restart=restart)

    async def answer(self, answer: str, revision: int) -> None:
        """Take an answer to our offer; one to an older offer means nothing any more."""
        async with self._turn:
            if revision != self._subscriber.revision or self._subscriber.path is None:
                return
            if await self._subscriber.accept(answer):
                self._connecting.begin()
        self._settle()

    async def candidate(self, line: str) -> None:
        """Take a candidate; an empty one says that it was the last."""
        await self._subscriber.trickle(line)

    def restart(self) -> None:
        """Offer another way to what they get."""
        self._restart = True
        self.follow()

    def repeat(self) -> None:
        """They did not get our last offer, or it is of no use: do not wait for their answer."""
        self._answered.set()
        self.follow()

    async def forget(self) -> None:
        """They come back without their connection: offer it all anew."""
        self.stop()
        async with self._turn:
            await self._subscriber.close()
        self._settle()
        self.follow()

    def want(self, track_id: str, wanted: bool) -> None:
        """Get something that is sent, or get it no more."""
        self._owner.need("subscribe")
        self._owner.room.track(track_id)
        (self._unwanted.discard if wanted else self._unwanted.add)(track_id)
        self.follow()

    def layer(self, track_id: str, layer: str) -> None:
        """Want a picture in at most a size."""
        self._owner.need("subscribe")
        self._owner.room.track(track_id)
        self._subscriber.limit(track_id, layer)

    def pause(self, track_id: str, paused: bool) -> None:
        """Want nothing of a track for a while, or go on."""
        self._owner.need("subscribe")
        self._owner.room.track(track_id)
        self._subscriber.pause(track_id, paused)

    @property
    def adaptation(self) -> Adaptation:
        """What goes through the way to them."""
        return self._subscriber.adaptation

    def follow(self) -> None:
        """What they can get has changed."""
        self._changed.set()

    def stop(self) -> None:
        """Look for no way to them any more."""
        self._connecting.stop()

    async def close(self) -> None:
        """Send them nothing any more."""
        await self._subscriber.close()

    @property
    def _wanted(self) -> dict[str, Track]:
        if "subscribe" not in self._owner.grants:
            return {}
        return {
            id_: track
            for id_, track in self._owner.room.tracks.items()
            if track.owner != self._owner.id and id_ not in self._unwanted
        }

    def _settle(self) -> None:
        self._settled = True
        self._answered.set()

    async def _try_again(self) -> None:
        """No way to them was found, and what there is of this one is of no more use."""
        async with self._turn:
            await self._subscriber.lose()
        if self._connecting.failures < TRIES:
            self.repeat()

    def _lost(self, path: Path) -> None:
        """Nothing reaches them any more: offer it all anew."""
        self._log.info("subscriber lost")
        self._owner.start(self._resubscribe(path))

    async def _resubscribe(self, lost: Path) -> None:
        async with self._turn:
            if self._subscriber.path is lost:
                await self._subscriber.lose()
        self.repeat()
