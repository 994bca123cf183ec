"""
The connection on which one participant sends.

They offer and we answer, as often as what they send changes. A packet is led to its track by its
source and payload type; whose they are is learnt from the first packet, which names its section
and layer. When they ask for an ICE restart the keys and tracks stay; when they come with other
keys (a page that was loaded again) it is another connection.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from transcriber.rtc import rtcp, rtp, sdp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.link import OnMedia
from transcriber.rtc.media import Media
from transcriber.rtc.path import Path
from transcriber.rtc.sfu import incoming
from transcriber.rtc.sfu.arrivals import Arrivals
from transcriber.rtc.sfu.incoming import Incoming
from transcriber.rtc.sfu.track import Shown, Track
from transcriber.rtc.sfu.ways import new_path

__all__ = ["Change", "Publisher"]

SOURCES = 64
"""Sources of one connection that we follow; a browser needs six for a picture in three sizes."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an offer came to: our answer, and the tracks that are new and gone."""

    sdp: str
    new: tuple[Track, ...]
    gone: tuple[Track, ...]


class Publisher:
    """What one participant sends; `on_key` and `on_lost` tell what happens to it."""

    def __init__(
        self,
        media: Media,
        owner: str,
        *,
        on_key: Callable[[str], object],
        on_lost: Callable[[Path], object],
    ) -> None:
        self.tracks: dict[str, Track] = {}
        """By the mid of their section."""
        self.path: Path | None = None
        self._media, self._owner = media, owner
        self._on_key, self._on_lost = on_key, on_lost
        self._session, self._version = secrets.randbits(48), 1
        self._ours = secrets.randbits(32)
        self._print = ""
        self._ufrag = ""
        self._wide = self._mid = 0
        self._routes: dict[int, tuple[Track, OnMedia]] = {}
        self._known: dict[int, tuple[str, str]] = {}
        """The section and layer of sources that said so once; browsers say it only at first."""
        self._arrivals = Arrivals(self._ours)

    async def answer(self, offer: str, shown: Mapping[str, Shown]) -> tuple[Change, bool]:
        """
        Answer an offer; `shown` names what each section that is wanted shows, by its mid.

        Also says whether `connect` is to be called. Raises `BadInput` and `Unreachable`.
        """
        theirs = sdp.parse(offer)
        taken = incoming.accept(theirs, shown)
        main = theirs.main
        anew = await self._prepare(main)
        assert self.path is not None
        if anew:
            await self.path.aim(theirs, main)
        new, gone = self._take(taken, shown)
        setup = "active" if main.setup == "passive" else "passive"
        self._version += 1
        ours = replace(self.path.ours(self._session), version=self._version)
        sections = list(incoming.sections(theirs, taken, setup))
        accepted = {section.mid for section in sections if section.port}
        text = sdp.write(ours, sections, tuple(m for m in theirs.bundle if m in accepted))
        return Change(text, new, gone), anew

    async def connect(self) -> None:
        """Find the way that the last answer is about; raises `Unreachable`."""
        if self.path is not None:
            await self.path.connect()
            self._media.forget(self)
            self._media.register(self)
            self._stamp()

    async def trickle(self, line: str) -> None:
        """Take a candidate."""
        if self.path is not None:
            await self.path.trickle(line)

    async def close(self) -> tuple[Track, ...]:
        """End the connection; returns the tracks that are gone."""
        self._media.forget(self)
        gone = tuple(self.tracks.values())
        self.tracks.clear()
        self._routes.clear()
        for track in gone:
            track.close()
        path, self.path = self.path, None
        if path is not None:
            await path.close()
        return gone

    def send_control(self, packet: bytes) -> None:
        """Ask the publisher for something, once there is a way to it."""
        if self.path is not None and self.path.link is not None:
            self.path.link.send_control(packet)

    def report(self, now: float, wall: float) -> None:
        """Tell how what they send arrives."""
        blocks = [
            block for track in self.tracks.values() for block in track.forwarder.layers.blocks(now)
        ]
        for at in range(0, len(blocks), 31):
            self.send_control(rtcp.receiver_report(self._ours, blocks[at : at + 31]))

    async def _prepare(self, main: sdp.Section) -> bool:
        """Have a path for an offer; whether it is to be connected anew."""
        print_ = ",".join(sorted(value for _, value in main.fingerprints))
        same = self.path is not None and self._print == print_
        if same and self._ufrag == main.ufrag:
            return False
        if same and self.path is not None and self.path.handshaken:
            await self.path.restart()
        else:
            before, self._arrivals = self.path, Arrivals(self._ours)
            if self._print != print_:
                self._routes.clear()
                self._known.clear()
            self.path = new_path(
                self._media, on_media=self._heard, on_control=self._told, on_lost=self._on_lost
            )
            if before is not None:
                await before.close()
            await self.path.gather()
        self._print, self._ufrag = print_, main.ufrag
        return True

    def _take(
        self, taken: list[Incoming], shown: Mapping[str, Shown]
    ) -> tuple[tuple[Track, ...], tuple[Track, ...]]:
        """Make the tracks agree with what is sent now; return the new ones and those gone."""
        before, self.tracks = self.tracks, {}
        new = []
        for one in taken:
            known = before.get(one.mid)
            if known and known.incoming.codec == one.codec and known.shown == shown[one.mid]:
                self.tracks[one.mid] = before.pop(one.mid)
                continue
            self.tracks[one.mid] = track = self._track(one, shown[one.mid])
            new.append(track)
        gone = tuple(before.values())
        self._routes = {key: route for key, route in self._routes.items() if route[0] not in gone}
        self._mid = next((n for one in taken if (n := one.extension(rtp.MID))), 0)
        self._wide = next((n for one in taken if (n := one.extension(rtp.TRANSPORT_WIDE))), 0)
        self._stamp()
        for track in gone:
            track.close()
        return tuple(new), gone

    def _stamp(self) -> None:
        """Pictures adapt to the way to us, and how late we are ourselves is not part of it."""
        if self._wide and self.path is not None and self.path.link is not None:
            self.path.link.stamp()

    def _track(self, one: Incoming, shown: Shown) -> Track:
        return Track(
            self._owner,
            one,
            shown,
            outbox=self._media.outbox,
            upstream=self,
            on_key=self._on_key,
            waiting=self._media.reader.waiting,
        )

    def _told(self, items: list[rtcp.Item], now: float) -> None:
        for track in self.tracks.values():
            track.forwarder.layers.told(items, now)

    def _heard(self, buffer: Buffer, size: int, now: float) -> None:
        data = buffer.data
        if size < rtp.FIXED:
            return
        key = int.from_bytes(data[8:12], "big") << 7 | data[1] & 127
        route = self._routes.get(key) or self._route(buffer, size, key)
        if self._wide:
            self._arrived(buffer, size, now)
        if route is not None:
            route[1](buffer, size, now)

    def _arrived(self, buffer: Buffer, size: int, now: float) -> None:
        header = rtp.parse(buffer.data, size)
        found = rtp.extension(buffer.data, header[4], self._wide) if header else None
        if header and found and found[1] >= 2:
            number = int.from_bytes(buffer.data[found[0] : found[0] + 2], "big")
            at = self.path.link.arrived_at if self.path and self.path.link else 0.0
            if answer := self._arrivals.note(number, header[3], at, now):
                self.send_control(answer)

    def _route(self, buffer: Buffer, size: int, key: int) -> tuple[Track, OnMedia] | None:
        """Find out where packets of a source and type go, and remember it."""
        header = rtp.parse(buffer.data, size)
        if header is None or len(self._routes) >= SOURCES:
            return None
        track = self._owner_of(buffer, header)
        sink = self._sink(track, buffer, header) if track else None
        if track is None or sink is None:
            return None
        self._routes[key] = track, sink
        return track, sink

    def _owner_of(self, buffer: Buffer, header: rtp.Header) -> Track | None:
        payload_type, _, _, source, start, _ = header
        known = self._known.get(source, ("", ""))
        if mid := rtp.text(buffer.data, start, self._mid) or known[0]:
            return self.tracks.get(mid)
        for track in self.tracks.values():
            one = track.incoming
            if source in one.sources:
                return track
        found = [t for t in self.tracks.values() if t.incoming.codec.payload_type == payload_type]
        return found[0] if len(found) == 1 else None

    def _sink(self, track: Track, buffer: Buffer, header: rtp.Header) -> OnMedia | None:
        payload_type, _, _, source, start, _ = header
        one = track.incoming
        if payload_type == one.codec.payload_type:
            known = self._known.get(source, ("", ""))
            rid = rtp.text(buffer.data, start, one.extension(rtp.RID)) or known[1]
            if one.layers and rid not in one.layers:
                return None
            self._known[source] = one.mid, rid
            track.forwarder.bind(source, one.layers.index(rid) if one.layers else 0)
            return track.media
        if payload_type == one.again:
            rid = rtp.text(buffer.data, start, one.extension(rtp.REPAIRED_RID))
            again = {copy: original for original, copy in one.repeats}
            layer = one.layers.index(rid) if rid in one.layers else 0
            original = again.get(source) or track.forwarder.layers.source(layer)
            return partial(self._again, track, original) if original else None
        return track.key if payload_type in one.keys else None

    def _again(self, track: Track, source: int, buffer: Buffer, size: int, now: float) -> None:
        """Take a packet that is sent once more in a stream of its own (RFC 4588)."""
        header = rtp.parse(buffer.data, size)
        if header is None or header[5] - header[4] < 3:
            return  # mere padding
        _, _, _, _, start, stop = header
        data = buffer.data
        original = bytes(data[start : start + 2])
        data[start : stop - 2] = bytes(data[start + 2 : stop])
        data[0] &= 0xDF
        data[1] = data[1] & 0x80 | track.incoming.codec.payload_type
        data[2:4] = original
        data[8:12] = source.to_bytes(4, "big")
        track.media(buffer, stop - 2, now)
