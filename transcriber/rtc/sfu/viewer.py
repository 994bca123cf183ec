"""
Somebody who only watches, with one offer of theirs and one answer of ours (WHEP).

They have as many sections as they offered, so each shows one track at a time, as one stream whose
numbers go on: whoever speaks takes the place of somebody who does not. Pictures come in the size
that fits through their way, and not larger than they wish.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from transcriber.errors import BadInput, NotFound
from transcriber.ids import new_id
from transcriber.rtc import rtp, sdp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.media import Media
from transcriber.rtc.path import Unreachable
from transcriber.rtc.sfu.adaptation import Adaptation
from transcriber.rtc.sfu.incoming import CODECS
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.outgoing import FEEDBACK
from transcriber.rtc.sfu.packet import Form
from transcriber.rtc.sfu.room import Message, Room
from transcriber.rtc.sfu.track import Track
from transcriber.rtc.sfu.ways import new_path

__all__ = ["Viewer"]

EXTENSIONS = (rtp.AUDIO_LEVEL, rtp.SEND_TIME, rtp.DEPENDENCY)
"""What we say beside a payload, if they offered to read it."""


@dataclass(slots=True, eq=False)
class _Slot:
    """One of their sections, and what it shows."""

    section: sdp.Section
    codecs: tuple[sdp.Codec, ...]
    leg: Leg
    track: Track | None = None
    layer: str = ""
    """The largest that they wish."""

    def fits(self, track: Track) -> bool:
        """Whether a track can be shown here."""
        return track.incoming.codec.name in {codec.name for codec in self.codecs}


class Viewer:
    """A member of a room who sends nothing."""

    def __init__(self, room: Room, media: Media, *, identity: str, name: str) -> None:
        self.id = new_id("par")
        self.identity, self.name, self.language = identity, name, room.plan.language
        self.room, self._media = room, media
        self.ufrag = ""
        """What they call their end of the way."""
        self._adaptation = Adaptation(self._shown, _untold)
        self._path = new_path(
            media, on_media=_nothing, on_control=self._adaptation.told,
            on_lost=lambda path: self.leave("lost"),
        )  # fmt: skip
        self._slots: list[_Slot] = []
        self._speaking: list[str] = []
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def tracks(self) -> Mapping[str, Track]:
        """They send nothing."""
        return {}

    async def answer(self, offer: str) -> str:
        """Answer their offer; raises `BadInput` and `Unreachable`."""
        theirs = sdp.parse(offer)
        self._slots = [self._slot(section) for section in theirs.sections if _usable(section)]
        if not self._slots:
            raise BadInput("the offer has no place for sound or a picture that we can send")
        main = theirs.main
        self.ufrag = main.ufrag
        await self._path.gather()
        await self._path.aim(theirs, main)
        setup = "active" if main.setup == "passive" else "passive"
        slots = {slot.section.mid: slot for slot in self._slots}
        sections = [_answered(s, slots.get(s.mid), setup) for s in theirs.sections]
        bundle = tuple(mid for mid in theirs.bundle if mid in slots)
        return sdp.write(self._path.ours(secrets.randbits(48)), sections, bundle)

    async def run(self) -> None:
        """Watch until they leave or their way is lost; they are let in already."""
        reason = "lost"
        try:
            await self._path.connect()
            self._media.register(self)
            self.follow()
            reason = await self._over
        except Unreachable:
            pass
        finally:
            await self.close(reason)

    async def close(self, reason: str) -> None:
        """Watch no more."""
        self._media.forget(self)
        for slot in self._slots:
            self._show(slot, None)
        self.room.leave(self, reason)
        await self._path.close()

    async def trickle(self, line: str) -> None:
        """Take a candidate; an empty one says that it was the last."""
        await self._path.trickle(line)

    def leave(self, reason: str) -> None:
        """Let them go; `run` returns."""
        if not self._over.done():
            self._over.set_result(reason)

    def tell(self, message: Message) -> None:
        """They are told nothing; but we learn who speaks."""
        if message["type"] == "speakers":
            self._speaking = [one["participant_id"] for one in message["speakers"]]
            self.follow()

    def look(self, now: float) -> None:
        """See to it that what they get fits through their way."""
        self._adaptation.look(now)

    def limit(self, mid: str, layer: str) -> None:
        """Send at most this layer in one of their sections; raises `NotFound`."""
        for slot in self._slots:
            if slot.section.mid == mid:
                slot.layer = layer
                if slot.track is not None:
                    self._adaptation.limit(slot.track.id, layer, self._media.now())
                return
        raise NotFound(f"the answer has no sound or picture with the mid {mid!r}")

    def follow(self) -> None:
        """Show what is sent: first of those who speak, loudest first."""
        if self._path.link is None:
            return
        sent = self.room.tracks
        for slot in self._slots:
            if slot.track is not None and slot.track.id not in sent:
                self._show(slot, None)
        for track in sorted(sent.values(), key=self._place):
            shown = any(slot.track is track for slot in self._slots)
            if not shown and (place := self._free(track)):
                self._show(place, track)

    def report(self, now: float, wall: float) -> None:
        """Tell what time it is in everything we send."""
        if (link := self._path.link) is not None:
            for slot in self._slots:
                if slot.track and (report := slot.track.forwarder.report(slot.leg, wall, now)):
                    link.send_control(report)

    def send(self, buffer: Buffer, size: int) -> None:
        """Send a packet, if there is a way."""
        if (link := self._path.link) is not None:
            link.send(buffer, size)

    def _slot(self, section: sdp.Section) -> _Slot:
        codecs = tuple(c for c in section.codecs if c.name in CODECS[section.kind])
        form = Form(codecs[0].payload_type, *map(section.extension, EXTENSIONS))
        return _Slot(section, codecs, Leg(self, form))

    def _shown(self) -> Iterator[tuple[Track, Leg]]:
        return ((slot.track, slot.leg) for slot in self._slots if slot.track is not None)

    def _place(self, track: Track) -> int:
        """Say where somebody is in the order of those who speak."""
        speaking = self._speaking
        return speaking.index(track.owner) if track.owner in speaking else len(speaking)

    def _free(self, track: Track) -> _Slot | None:
        """Return where a track can be shown: a free place, or that of somebody who is silent."""
        found = [slot for slot in self._slots if slot.fits(track)]
        for slot in found:
            if slot.track is None:
                return slot
        if track.owner not in self._speaking:
            return None
        silent = (s for s in found if s.track and s.track.owner not in self._speaking)
        return next(silent, None)

    def _show(self, slot: _Slot, track: Track | None) -> None:
        now, leg = self._media.now(), slot.leg
        if slot.track is not None:
            slot.track.forwarder.pause(leg, True, now)
            slot.track.forwarder.remove(leg)
            self._adaptation.forget(slot.track.id)
        slot.track = track
        if track is not None:
            name = track.incoming.codec.name
            leg.way = self._path.link or self
            payload_type = next(c.payload_type for c in slot.codecs if c.name == name)
            leg.form = leg.form._replace(payload_type=payload_type)
            track.forwarder.add(leg, now)
            track.forwarder.pause(leg, False, now)
            self._adaptation.limit(track.id, slot.layer, now)


def _usable(section: sdp.Section) -> bool:
    return (
        section.kind in CODECS
        and section.port > 0
        and section.direction in ("recvonly", "sendrecv")
        and any(codec.name in CODECS[section.kind] for codec in section.codecs)
    )


def _answered(theirs: sdp.Section, slot: _Slot | None, setup: str) -> sdp.Section:
    bare = sdp.Section(theirs.kind, protocol=theirs.protocol, mid=theirs.mid)
    if slot is None:
        return replace(bare, port=0, direction="inactive", formats=theirs.formats)
    lines = ["rtcp-rsize", f"msid:room {theirs.mid}", f"ssrc:{slot.leg.source} cname:room"]
    if theirs.kind == "video":
        lines += [f"rtcp-fb:{c.payload_type} {name}" for c in slot.codecs for name in FEEDBACK]
    extensions = tuple(one for one in theirs.extensions if one[1] in EXTENSIONS)
    return replace(
        bare, direction="sendonly", codecs=slot.codecs, extensions=extensions, setup=setup,
        lines=tuple(lines),
    )  # fmt: skip


def _nothing(buffer: Buffer, size: int, now: float) -> None:
    """Viewers send no media."""


def _untold(track_id: str, layer: str) -> None:
    """Nobody can be told what is sent of a picture."""
