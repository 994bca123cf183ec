"""
The connection on which one participant gets what the others send.

We offer and they answer. Only one offer is under way at a time; what changes meanwhile is in the
next. A track is forwarded once their answer took it and the way is there.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from transcriber.rtc import sdp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.media import Media
from transcriber.rtc.path import Path
from transcriber.rtc.sfu import outgoing
from transcriber.rtc.sfu.adaptation import Adaptation
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.outgoing import Slot, Types
from transcriber.rtc.sfu.track import Track
from transcriber.rtc.sfu.ways import new_path

__all__ = ["Offer", "Subscriber"]

COMPOUND = 30
"""Reports in one packet: together they stay below the size of a packet."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What we offer, and what each of its sections carries."""

    sdp: str
    revision: int
    tracks: tuple[dict[str, Any], ...]


class Subscriber:
    """What one participant gets."""

    def __init__(
        self,
        media: Media,
        *,
        on_lost: Callable[[Path], object],
        on_layer: Callable[[str, str], object],
    ) -> None:
        """`on_layer` learns what is sent of a picture: the track, and the layer's name."""
        self.legs: dict[str, Leg] = {}
        """By the id of the track; also of tracks that are not forwarded yet."""
        self.revision = 0
        self.path: Path | None = None
        self._media = media
        self._on_lost = on_lost
        self._session = secrets.randbits(48)
        self._types = Types()
        self._slots: list[Slot] = []
        self._tracks: dict[str, Track] = {}
        self._taken: set[str] = set()
        self._aimed = ""
        self.adaptation = Adaptation(self._shown, on_layer)

    async def offer(self, tracks: Mapping[str, Track], *, restart: bool = False) -> Offer:
        """Offer tracks, by their ids, and no others; `restart` asks for another way to them."""
        if self.path is None:
            self.path = new_path(
                self._media,
                on_media=_nothing,
                on_control=self.adaptation.told,
                on_lost=self._on_lost,
            )
            self.path.offering()
            await self.path.gather()
        elif restart and self.path.handshaken:
            await self.path.restart()
        self._fill(tracks)
        self.revision += 1
        ours = replace(self.path.ours(self._session), version=self.revision + 1)
        mids = tuple(slot.mid for slot in self._slots)
        text = sdp.write(ours, outgoing.sections(self._slots), mids)
        carried = (_describe(slot, self._tracks[slot.track]) for slot in self._slots if slot.track)
        return Offer(text, self.revision, tuple(carried))

    async def accept(self, answer: str) -> bool:
        """Take the answer to our last offer; whether `connect` is to be called."""
        assert self.path is not None
        theirs = sdp.parse(answer)
        main = theirs.main
        self._taken = outgoing.taken(self._slots, theirs)
        aimed = f"{self.path.connection.local_username}:{main.ufrag}"
        anew, self._aimed = aimed != self._aimed, aimed
        if anew:
            await self.path.aim(theirs, main)
        self._forward()
        return anew

    async def connect(self) -> None:
        """Find the way that the last answer is about; raises `Unreachable`."""
        if self.path is not None:
            await self.path.connect()
            self._media.forget(self)
            self._media.register(self)
            self._forward()

    def limit(self, track_id: str, layer: str) -> None:
        """Send at most this layer of a picture, however much fits."""
        self.adaptation.limit(track_id, layer, self._media.now())

    def pause(self, track_id: str, paused: bool) -> None:
        """Send nothing of a track, or go on."""
        self.adaptation.pause(track_id, paused, self._media.now())

    async def trickle(self, line: str) -> None:
        """Take a candidate."""
        if self.path is not None:
            await self.path.trickle(line)

    async def lose(self) -> None:
        """
        Forward nothing any more, until another way is offered; their end is still the same one.

        So it knows the sections, and what they wish of each track goes on.
        """
        self._media.forget(self)
        self._drop(tuple(self._tracks))
        self._aimed = ""
        path, self.path = self.path, None
        if path is not None:
            await path.close()

    async def close(self) -> None:
        """End the connection; what is offered next is another one."""
        self._slots.clear()
        await self.lose()

    def report(self, now: float, wall: float) -> None:
        """Tell what time it is in everything we send."""
        link = self.path.link if self.path else None
        if link is None:
            return
        found = (
            self._tracks[track].forwarder.report(leg, wall, now)
            for track, leg in self.legs.items()
            if track in self._taken
        )
        reports = [report for report in found if report]
        for at in range(0, len(reports), COMPOUND):
            link.send_control(b"".join(reports[at : at + COMPOUND]))

    def _fill(self, tracks: Mapping[str, Track]) -> None:
        """Have a section for each track that is wanted, and none for others."""
        self._drop([track for track in self._tracks if track not in tracks])
        self.adaptation.keep(tracks)
        for track in tracks.values():
            if track.id not in self._tracks:
                self._place(track)

    def _place(self, track: Track) -> None:
        slot = next((one for one in self._slots if one.free and one.kind == track.kind), None)
        if slot is None:
            slot = Slot(str(len(self._slots)), track.kind)
            self._slots.append(slot)
        codec = track.incoming.codec
        slot.codec = replace(codec, payload_type=self._types.of(codec))
        leg = Leg(self, outgoing.form(slot.codec, track.kind))
        slot.source, slot.stream, slot.track = leg.source, track.owner, track.id
        self._tracks[track.id], self.legs[track.id] = track, leg

    def _drop(self, tracks: Sequence[str]) -> None:
        for slot in self._slots:
            if slot.track in tracks:
                slot.source, slot.stream, slot.track = 0, "", ""
        for track in tracks:
            self._tracks.pop(track).forwarder.remove(self.legs.pop(track))
            self._taken.discard(track)

    def _forward(self) -> None:
        """Begin to forward what was taken, if there is a way."""
        link = self.path.link if self.path else None
        if link is None:
            return
        now = self._media.now()
        for track in self._taken:
            leg = self.legs[track]
            if leg.way is not link:
                leg.way = link
                self._tracks[track].forwarder.add(leg, now)
        self.adaptation.adapt(now)

    def send(self, buffer: Buffer, size: int) -> None:
        """There is no way yet: nothing is sent."""

    def _shown(self) -> Iterator[tuple[Track, Leg]]:
        return ((self._tracks[id_], self.legs[id_]) for id_ in self._taken)


def _describe(slot: Slot, track: Track) -> dict[str, Any]:
    return {
        "mid": slot.mid,
        "track_id": track.id,
        "participant_id": track.owner,
        "kind": track.kind,
        "source": track.source,
    }


def _nothing(buffer: Buffer, size: int, now: float) -> None:
    """Subscribers send no media here."""
