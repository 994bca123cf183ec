"""
What one participant sends into a room: their offers, one at a time, and what they agree on.

What they sent is gone when their way to us is lost, and comes back with their next offer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from transcriber.errors import BadInput
from transcriber.rtc.media import Media
from transcriber.rtc.path import Path, Unreachable
from transcriber.rtc.sfu.connecting import Connecting, Owner
from transcriber.rtc.sfu.publisher import Publisher
from transcriber.rtc.sfu.room import Message
from transcriber.rtc.sfu.track import Shown, Track

__all__ = ["Sending"]

TRACKS = 8
"""Sounds and pictures one participant may send."""
LOST: Message = {
    "type": "error",
    "code": Unreachable.code,
    "message": "what you send does not arrive any more; offer it anew",
    "for": "publish",
}
"""Browsers may notice only much later."""
log = structlog.get_logger(__name__)


class Sending:
    """What somebody sends."""

    def __init__(self, owner: Owner, media: Media) -> None:
        self._owner = owner
        self._publisher = Publisher(media, owner.id, on_key=self._pressed, on_lost=self._lost)
        self._connecting = Connecting(owner, "publish", self._publisher)
        self._turn = asyncio.Lock()
        self._arrived = self._lost_packets = 0

    @property
    def tracks(self) -> Mapping[str, Track]:
        """What they send, by the tracks' ids."""
        return {track.id: track for track in self._publisher.tracks.values()}

    async def publish(self, offer: str, shown: Mapping[str, Shown]) -> Message:
        """Answer an offer to send what each section shows; see `Publisher.answer`."""
        room = self._owner.room
        self._owner.need("publish")
        if len(shown) > TRACKS:
            raise BadInput(f"{len(shown)} tracks", remedy=f"send at most {TRACKS}")
        room.may_publish(self._owner, shown.values())
        async with self._turn:
            change, anew = await self._publisher.answer(offer, shown)
            if anew:
                self._connecting.begin()
        room.unpublish(self._owner, change.gone)
        room.publish(self._owner, change.new)
        tracks = [
            {"mid": mid, "track_id": track.id} for mid, track in self._publisher.tracks.items()
        ]
        return {"type": "published", "sdp": change.sdp, "tracks": tracks}

    async def candidate(self, line: str) -> None:
        """Take a candidate; an empty one says that it was the last."""
        await self._publisher.trickle(line)

    async def forget(self) -> None:
        """They come back without their connection: what they sent is gone."""
        self.stop()
        async with self._turn:
            gone = await self._publisher.close()
        self._owner.room.unpublish(self._owner, gone)

    def lost(self) -> float:
        """Return the share of what they sent since the last time that did not come."""
        counts = [track.forwarder.layers.arrived() for track in self.tracks.values()]
        arrived, lost = sum(came for came, _ in counts), sum(gone for _, gone in counts)
        more, less = arrived - self._arrived, max(0, lost - self._lost_packets)
        self._arrived, self._lost_packets = arrived, lost
        return less / (more + less) if more > 0 else 0.0

    def stop(self) -> None:
        """Look for no way to them any more."""
        self._connecting.stop()

    async def close(self) -> None:
        """Take nothing from them any more."""
        await self._publisher.close()

    def _pressed(self, key: str) -> None:
        self._owner.room.pressed(self._owner, key)

    def _lost(self, path: Path) -> None:
        """Nothing comes from them any more: what they sent is gone."""
        log.info("publisher lost", room=self._owner.room.id, participant=self._owner.id)
        self._owner.start(self._unpublish(path))

    async def _unpublish(self, lost: Path) -> None:
        async with self._turn:
            if self._publisher.path is lost:
                self._owner.room.unpublish(self._owner, await self._publisher.close())
                self._owner.tell(LOST)
