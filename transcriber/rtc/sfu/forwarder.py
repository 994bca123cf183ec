"""
One packet in, the same packet out to many: rewritten, encrypted for each, nothing decoded.

What somebody publishes has one or more layers (simulcast: the same picture in several sizes, each
a source of its own). A subscriber gets one layer at a time under a source, sequence numbers and
timestamps that go on when the layer changes, which happens at a keyframe. Losses on the way to a
subscriber are repaired from a small cache; losses on the way to us are asked for once.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from transcriber.rtc import rtcp, rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.sfu.estimate import Estimate
from transcriber.rtc.sfu.keyframe import begins
from transcriber.rtc.srtp import ROOM

__all__ = ["Forwarder", "Leg", "Upstream", "Wide"]

CACHE = 512
"""Packets of a layer that can be sent again: two seconds of a small picture."""
KEYFRAME_PAUSE = 0.5
"""Seconds between two requests for a keyframe; the publisher needs time to make one."""
BURST = 32
"""Missing packets asked for at once; more than that is repaired by a keyframe."""
STEP = 3_000
"""Ticks by which a picture moves on at a change of layers at least: a frame at 30 a second."""
MEMORY = 0x4000
"""Packets after a change of layers for which older ones of the new layer are kept out."""
_place = struct.Struct("!HLL").pack_into
_wide = struct.Struct("!H").pack_into


class Way(Protocol):
    """Where a subscriber's packets go: a `Link`."""

    def send(self, buffer: Buffer, size: int) -> None:
        """Encrypt and send a packet."""


class Upstream(Protocol):
    """Where requests to the publisher go: a `Link`."""

    def send_control(self, packet: bytes) -> None:
        """Encrypt and send a control packet."""


class _Packet(NamedTuple):
    """What a publisher sent, without what is rewritten."""

    sequence: int
    timestamp: int
    marker: int
    loudness: int
    payload: bytes


class _Layer:
    """One source of a publisher, with the packets that can still be sent again."""

    __slots__ = ("asked_at", "cache", "newest", "newest_at", "source")

    def __init__(self, source: int) -> None:
        self.source = source
        self.newest: _Packet | None = None
        self.newest_at = 0.0
        self.cache: list[_Packet | None] = [None] * CACHE
        self.asked_at = -KEYFRAME_PAUSE

    def keep(self, packet: _Packet, now: float) -> list[int]:
        """Remember a packet; return the numbers that are missing just before it."""
        self.cache[packet.sequence % CACHE] = packet
        last = self.newest
        ahead = rtp.signed16(packet.sequence - last.sequence) if last is not None else 1
        if ahead <= 0:
            return []
        self.newest, self.newest_at = packet, now
        if last is None or ahead > BURST:
            return []
        return [(last.sequence + step) & 0xFFFF for step in range(1, ahead)]


class Wide:
    """Numbers all packets of a connection for its bandwidth estimate; shared by its legs."""

    __slots__ = ("extension", "last")

    def __init__(self, extension: int) -> None:
        self.extension = extension
        self.last = 0

    def next(self) -> int:
        """Return the number of the next packet."""
        self.last = (self.last + 1) & 0xFFFF
        return self.last


class Leg:
    """One subscriber to one published track."""

    __slots__ = (
        "_began", "_fresh", "_sequence", "_timestamp", "estimate", "form", "layer", "level",
        "payload_type", "sent", "source", "target", "way", "wide",
    )  # fmt: skip

    def __init__(
        self, way: Way, *, payload_type: int, level: int = 0, wide: Wide | None = None
    ) -> None:
        self.way = way
        self.payload_type = payload_type
        self.source = secrets.randbits(32)
        self.level, self.wide = level, wide
        self.form = (payload_type, level, wide.extension if wide else 0)
        self.layer = self.target = -1
        self.sent = 0
        self.estimate = Estimate()
        self._began = self._fresh = 0
        self._sequence, self._timestamp = secrets.randbits(15), secrets.randbits(31)

    def begin(self, layer: int, sequence: int) -> None:
        """Forward a layer from a packet on, under the numbers that are set."""
        self._began, self._fresh = sequence, 0
        self.layer = layer

    def go_on(self, last: _Packet, ticks: int, packet: _Packet) -> None:
        """Have a packet of another layer follow the last one, `ticks` later."""
        self._sequence += last.sequence + 1 - packet.sequence
        self._timestamp += last.timestamp + ticks - packet.timestamp

    def place(self, packet: _Packet) -> tuple[int, int] | None:
        """Return the numbers of a packet for this subscriber, `None` if it is from before."""
        if self._fresh < MEMORY:
            self._fresh += 1
            if rtp.signed16(packet.sequence - self._began) < 0:
                return None
        return (
            (packet.sequence + self._sequence) & 0xFFFF,
            (packet.timestamp + self._timestamp) & 0xFFFF_FFFF,
        )

    def origin(self, sequence: int) -> int:
        """Return what the publisher called a packet of this subscriber."""
        return (sequence - self._sequence) & 0xFFFF


class Forwarder:
    """One published track and its subscribers."""

    def __init__(
        self, out: Buffer, upstream: Upstream, *, codec: str, level: int = 0, clock: int = 90_000
    ) -> None:
        self.legs: list[Leg] = []
        self._out, self._upstream = out, upstream
        self._codec, self._level, self._clock = codec, level, clock
        self._ours = secrets.randbits(32)
        self._layers: list[_Layer] = []
        self._numbers: dict[int, int] = {}

    @property
    def video(self) -> bool:
        """Whether it is a picture, which only begins at a keyframe."""
        return not self._codec.startswith(("opus", "pcm", "g722"))

    def layers(self, sources: Iterable[int]) -> None:
        """Say which sources are the layers, smallest first; otherwise they count as they come."""
        for source in sources:
            self._number(source)

    def add(self, leg: Leg, now: float, *, layer: int = 0) -> None:
        """Begin to forward to somebody, with a layer that they want."""
        self.legs.append(leg)
        self.choose(leg, layer, now)

    def remove(self, leg: Leg) -> None:
        """Forward to them no more."""
        self.legs.remove(leg)

    def choose(self, leg: Leg, layer: int, now: float) -> None:
        """Change a subscriber's layer at its next keyframe, which is asked for."""
        leg.target = layer
        if leg.layer != layer:
            self._ask_keyframe(layer, now)

    def media(self, buffer: Buffer, size: int, now: float) -> None:
        """Take a decrypted packet and send it to everybody whose layer it is."""
        header = rtp.parse(buffer.data, size)
        if header is None or size > ROOM - 16:
            return
        _, sequence, timestamp, source, start, stop = header
        number = self._number(source)
        loudness = rtp.level(buffer.data, start, self._level) if self._level else -1
        payload = bytes(buffer.view[start:stop])
        packet = _Packet(sequence, timestamp, buffer.data[1] & 0x80, loudness & 0x7F, payload)
        layer = self._layers[number]
        missing = layer.keep(packet, now)
        if missing:
            self._upstream.send_control(rtcp.missing(self._ours, source, missing))
        self._forward(number, packet, now)

    def control(self, leg: Leg, items: Iterable[rtcp.Item], now: float) -> None:
        """Take what a subscriber says about what it gets."""
        for item in items:
            match item:
                case rtcp.Missing(source=leg.source):
                    self._again(leg, item.sequences)
                case rtcp.KeyframeWanted(source=leg.source):
                    self._ask_keyframe(max(0, leg.target), now)
                case rtcp.Loss(source=leg.source, fraction=fraction):
                    leg.estimate.lost(fraction, now)
                case rtcp.Bandwidth(bits=bits):
                    leg.estimate.told(bits)
                case rtcp.TransportFeedback(arrivals=arrivals):
                    leg.estimate.arrived(arrivals, now)

    def limit(self, bits: int) -> None:
        """Tell the publisher what is worth sending."""
        sources = [layer.source for layer in self._layers]
        self._upstream.send_control(rtcp.bandwidth(self._ours, bits, sources))

    def _number(self, source: int) -> int:
        number = self._numbers.get(source)
        if number is None:
            number = self._numbers[source] = len(self._layers)
            self._layers.append(_Layer(source))
        return number

    def _forward(self, number: int, packet: _Packet, now: float) -> None:
        forms: dict[tuple[int, int, int], bytes] = {}
        fresh: bool | None = None
        for leg in self.legs:
            if leg.layer != number:
                if leg.target != number:
                    continue
                if fresh is None:
                    fresh = not self.video or begins(self._codec, packet.payload)
                if not fresh:
                    self._ask_keyframe(number, now)
                    continue
                self._change(leg, number, packet, now)
            place = leg.place(packet)
            if place is not None:
                form = forms.get(leg.form)
                if form is None:
                    form = forms[leg.form] = _form(leg, packet)
                self._send(leg, place, form)

    def _change(self, leg: Leg, number: int, packet: _Packet, now: float) -> None:
        if leg.layer >= 0:
            old = self._layers[leg.layer]
            if old.newest is not None:
                ticks = max(STEP, int((now - old.newest_at) * self._clock))
                leg.go_on(old.newest, ticks, packet)
        leg.begin(number, packet.sequence)

    def _send(self, leg: Leg, place: tuple[int, int], form: bytes) -> None:
        out, size = self._out, len(form)
        out.view[:size] = form
        _place(out.data, 2, place[0], place[1], leg.source)
        if leg.wide is not None:
            _wide(out.data, 19 if leg.level else 17, leg.wide.next())
        leg.sent += 1
        leg.way.send(out, size)

    def _again(self, leg: Leg, sequences: Iterable[int]) -> None:
        if leg.layer < 0:
            return
        cache = self._layers[leg.layer].cache
        for sequence in sequences:
            origin = leg.origin(sequence)
            packet = cache[origin % CACHE]
            if packet is not None and packet.sequence == origin and (place := leg.place(packet)):
                self._send(leg, place, _form(leg, packet))

    def _ask_keyframe(self, number: int, now: float) -> None:
        if not self.video or number >= len(self._layers):
            return
        layer = self._layers[number]
        if now - layer.asked_at >= KEYFRAME_PAUSE:
            layer.asked_at = now
            self._upstream.send_control(rtcp.keyframe_wanted(self._ours, layer.source))


def _form(leg: Leg, packet: _Packet) -> bytes:
    """Return a packet as all subscribers of a kind get it, but for its numbers."""
    second = leg.payload_type | packet.marker
    elements = bytes((leg.level << 4, packet.loudness | 0x80)) if leg.level else b""
    if leg.wide is not None:
        elements += bytes((leg.wide.extension << 4 | 1, 0, 0))
    if not elements:
        return bytes((0x80, second)) + bytes(10) + packet.payload
    words = (len(elements) + 3) // 4
    head = bytes((0x90, second)) + bytes(10) + bytes((0xBE, 0xDE, 0, words))
    return head + elements.ljust(4 * words, b"\0") + packet.payload
