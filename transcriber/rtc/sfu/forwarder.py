"""
One packet in, the same packet out to many: rewritten, encrypted for each, nothing decoded.

What somebody publishes has one or more layers (simulcast: the same picture in several sizes, each
a source of its own). A subscriber gets one layer at a time, and changes to another at a keyframe.
Losses on the way to a subscriber are repaired from a small cache; losses on the way to us are
asked for once.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Protocol

from transcriber.rtc import rtcp, rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.reception import Reception
from transcriber.rtc.sfu.keyframe import begins
from transcriber.rtc.sfu.leg import Leg, Packet, form
from transcriber.rtc.sfu.outbox import Outbox
from transcriber.rtc.sfu.wave import Share, Table, tables
from transcriber.rtc.srtp import ROOM

__all__ = ["Forwarder", "Upstream"]

CACHE = 512
"""Packets of a layer that can be sent again: two seconds of a small picture."""
KEYFRAME_PAUSE = 0.5
"""Seconds between two requests for a keyframe; the publisher needs time to make one."""
BURST = 32
"""Missing packets asked for at once; more than that is repaired by a keyframe."""
WINDOW = 1.0
"""Seconds over which rates are measured: a keyframe is large, and is not the rule."""
STEP = 1 / 30
"""Seconds by which a picture moves on at a change of layers at least."""


class Upstream(Protocol):
    """Where requests to the publisher go: a `Link`."""

    def send_control(self, packet: bytes) -> None:
        """Encrypt and send a control packet."""


class _Layer:
    """One source of a publisher, with the packets that can still be sent again."""

    __slots__ = (
        "asked_at",
        "cache",
        "clock",
        "newest",
        "newest_at",
        "octets",
        "reception",
        "source",
    )

    def __init__(self, source: int) -> None:
        self.source = source
        self.newest: Packet | None = None
        self.newest_at = 0.0
        self.octets = 0
        self.cache: list[Packet | None] = [None] * CACHE
        self.asked_at = -KEYFRAME_PAUSE
        self.reception: Reception | None = None
        self.clock: tuple[float, int, float] | None = None
        """The publisher's time of day, its timestamp, and when it said so."""

    def take(self) -> int:
        """Return the bytes since the last time."""
        octets, self.octets = self.octets, 0
        return octets

    def keep(self, packet: Packet, now: float) -> list[int]:
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

    def time(self, wall: float, now: float, rate: int) -> tuple[float, int]:
        """Return the publisher's time of day and timestamp at this moment."""
        if self.clock is not None:
            day, timestamp, at = self.clock
            return day + now - at, timestamp + round((now - at) * rate)
        assert self.newest is not None
        return wall, self.newest.timestamp + round((now - self.newest_at) * rate)


class Forwarder:
    """
    One published track and its subscribers.

    `codec` is named with its clock; `level` is the number of the publisher's audio level extension,
    and `loudness` how far below full scale the last packet was.
    """

    def __init__(self, outbox: Outbox, upstream: Upstream, *, codec: str, level: int = 0) -> None:
        self.legs: list[Leg] = []
        self.held = False
        self.loudness = rtp.QUIETEST
        self._outbox, self._upstream = outbox, upstream
        self._codec, self._level = codec, level
        self._clock = int(codec.partition("/")[2])
        self._ours = secrets.randbits(32)
        self._layers: list[_Layer] = []
        self._tables: list[Table] | None = None
        """Who gets sound without a look at each of them; none until everybody has begun."""
        self._numbers: dict[int, int] = {}
        self._passed = 0
        """The last number of sound that was forwarded."""
        self._rated_at = 0.0
        self._rates: list[float] = []

    @property
    def video(self) -> bool:
        """Whether it is a picture, which only begins at a keyframe."""
        return not self._codec.startswith(("opus", "pcm", "g722"))

    def bind(self, source: int, layer: int) -> None:
        """Say which layer a source is; sources that nobody bound count as they come."""
        if self._numbers.get(source) == layer:
            return
        while len(self._layers) <= layer:
            self._layers.append(_Layer(0))
        for leg in self.legs:
            if leg.layer == layer:
                self._rest(leg)
        self._numbers[source] = layer
        self._layers[layer] = _Layer(source)

    def source(self, layer: int) -> int:
        """Return the source of a layer, 0 while it is unknown."""
        return self._layers[layer].source if layer < len(self._layers) else 0

    def add(self, leg: Leg, now: float, *, layer: int = 0) -> None:
        """Begin to forward to somebody, with a layer that they want."""
        self._unsettle()
        self.legs.append(leg)
        self.choose(leg, layer, now)

    def remove(self, leg: Leg) -> None:
        """Forward to them no more."""
        if leg in self.legs:
            self._unsettle()
            self.legs.remove(leg)

    def choose(self, leg: Leg, layer: int, now: float) -> None:
        """Change a subscriber's layer at its next keyframe, which is asked for."""
        leg.target = layer
        if leg.layer != layer:
            self._ask_keyframe(layer, now)

    def pause(self, leg: Leg, paused: bool, now: float) -> None:
        """Send somebody nothing for a while; afterwards a picture goes on at a keyframe."""
        if paused == leg.paused:
            return
        self._unsettle()
        leg.paused = paused
        if paused:
            self._rest(leg)
        else:
            self._ask_keyframe(max(0, leg.target), now)

    def hold(self, held: bool) -> None:
        """Send nobody anything for a while, or go on."""
        if held and not self.held:
            self.rest()
        self.held = held

    def rest(self) -> None:
        """Something was left out: what comes next follows the last packet of each subscriber."""
        for leg in self.legs:
            self._rest(leg)

    def media(self, buffer: Buffer, size: int, now: float) -> None:
        """Take a decrypted packet and send it to everybody whose layer it is."""
        header = rtp.parse(buffer.data, size)
        if header is None or size > ROOM - 16:
            return
        _, sequence, timestamp, source, start, stop = header
        number = self._number(source)
        loudness = rtp.level(buffer.data, start, self._level) if self._level else -1
        self.loudness = loudness = loudness & 0x7F
        payload = bytes(buffer.view[start:stop])
        packet = Packet(sequence, timestamp, buffer.data[1] & 0x80, loudness, payload, now)
        layer = self._layers[number]
        if layer.reception is None:
            layer.reception = Reception(source, sequence, self._clock)
        layer.octets += size
        layer.reception.note(sequence, timestamp, now)
        missing = layer.keep(packet, now)
        if missing:
            self._upstream.send_control(rtcp.missing(self._ours, source, missing))
        if self.video:
            self._forward(number, packet, now)
        elif not self.held:
            self._outbox.post(self, packet)

    def told(self, items: Iterable[rtcp.Item], now: float) -> None:
        """Take what the publisher says about what it sends."""
        for item in items:
            if isinstance(item, rtcp.SenderReport) and item.source in self._numbers:
                layer = self._layers[self._numbers[item.source]]
                layer.clock = (item.wall, item.timestamp, now)
                if layer.reception is not None:
                    layer.reception.synchronise(item, now)

    def control(self, leg: Leg, items: Iterable[rtcp.Item], now: float) -> None:
        """Take what a subscriber says about what it gets."""
        for item in items:
            match item:
                case rtcp.Missing(source=leg.source):
                    self._again(leg, item.sequences)
                case rtcp.KeyframeWanted(source=leg.source):
                    self._ask_keyframe(max(0, leg.target), now)

    def blocks(self, now: float) -> list[bytes]:
        """Return the blocks of our report to the publisher."""
        return [layer.reception.block(now) for layer in self._layers if layer.reception]

    def report(self, leg: Leg, wall: float, now: float) -> bytes:
        """Return our report to a subscriber, once there is something to report."""
        if not leg.sent or leg.layer < 0 or self._layers[leg.layer].newest is None:
            return b""
        day, timestamp = self._layers[leg.layer].time(wall, now, self._clock)
        return rtcp.sender_report(
            leg.source, wall=day, timestamp=leg.clock(timestamp), packets=leg.sent,
            octets=leg.octets,
        )  # fmt: skip

    def rates(self, now: float) -> list[float]:
        """Return the bits per second of each layer lately; nothing in the first moment."""
        passed = now - self._rated_at
        if passed >= WINDOW:
            first, self._rated_at = self._rated_at == 0.0, now
            taken = [layer.take() for layer in self._layers]
            self._rates = [] if first else [8 * octets / passed for octets in taken]
        return self._rates

    def _number(self, source: int) -> int:
        number = self._numbers.get(source)
        if number is None:
            number = self._numbers[source] = len(self._layers)
            self._layers.append(_Layer(source))
        return number

    def shares(self, packet: Packet) -> list[Share] | None:
        """Say who is to get a packet of sound; nothing where everybody has to be looked at."""
        number = self._posted(packet)
        if number < 0:
            return []
        if self._tables is None:
            self._tables = tables(self.legs, number)
        ahead = rtp.signed16(packet.sequence - self._passed)
        if self._tables is None or ahead <= 0:
            return None
        self._passed = packet.sequence
        return [Share(table, packet, form(table.legs[0], packet)) for table in self._tables]

    def forward(self, packet: Packet) -> None:
        """Look at everybody, whether they are to get a packet of sound."""
        if (number := self._posted(packet)) >= 0:
            self._passed = packet.sequence
            self._forward(number, packet, packet.at)

    def settle(self) -> None:
        """Have the subscribers' counters be true."""
        for table in self._tables or ():
            table.settle()

    def _posted(self, packet: Packet) -> int:
        """Return the layer of a packet of sound; -1 if it is not to be forwarded any more."""
        place = packet.sequence % CACHE
        for number, layer in enumerate(self._layers):
            kept = layer.cache[place]
            if kept is not None and kept.payload is packet.payload:
                layer.cache[place] = packet
                return -1 if self.held else number
        return -1

    def _unsettle(self) -> None:
        """Something about subscribers changes: look at each of them."""
        self.settle()
        self._tables = None

    def _forward(self, number: int, packet: Packet, now: float) -> None:
        forms: dict[tuple[int, int, int], bytes] = {}
        fresh: bool | None = None
        for leg in self.legs:
            if leg.paused:
                continue
            if leg.layer != number:
                if leg.target != number:
                    continue
                if fresh is None:
                    fresh = not self.video or begins(self._codec, packet.payload)
                if not fresh:
                    self._ask_keyframe(number, now)
                    continue
                self._change(leg, number, packet, now)
            if leg.fresh and not leg.admits(packet):
                continue
            ready = forms.get(leg.form)
            if ready is None:
                ready = forms[leg.form] = form(leg, packet)
            leg.send(packet, ready, self._outbox.out)

    def _change(self, leg: Leg, number: int, packet: Packet, now: float) -> None:
        rest = leg.rest or self._last(leg)
        if rest is not None:
            last, at = rest
            ticks = max(int(STEP * self._clock), int((now - at) * self._clock))
            leg.go_on(last, ticks, packet)
        leg.begin(number, packet.sequence)

    def _last(self, leg: Leg) -> tuple[Packet, float] | None:
        """Return the last packet that a subscriber can have got, and when it came."""
        if leg.layer < 0:
            return None
        layer = self._layers[leg.layer]
        return (layer.newest, layer.newest_at) if layer.newest else None

    def _rest(self, leg: Leg) -> None:
        """Have a subscriber begin anew, with numbers that go on, at whatever comes next."""
        self._unsettle()
        leg.rest = self._last(leg) or leg.rest
        leg.layer = -1

    def _again(self, leg: Leg, sequences: Iterable[int]) -> None:
        if leg.layer < 0:
            return
        cache = self._layers[leg.layer].cache
        for sequence in sequences:
            origin = leg.origin(sequence)
            packet = cache[origin % CACHE]
            if packet is None or packet.sequence != origin:
                continue
            if not leg.fresh or leg.admits(packet):
                leg.send(packet, form(leg, packet), self._outbox.out)

    def _ask_keyframe(self, number: int, now: float) -> None:
        if not self.video or number >= len(self._layers):
            return
        layer = self._layers[number]
        if layer.source and now - layer.asked_at >= KEYFRAME_PAUSE:
            layer.asked_at = now
            self._upstream.send_control(rtcp.keyframe_wanted(self._ours, layer.source))
