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
from transcriber.rtc.sfu.keyframe import begins
from transcriber.rtc.sfu.layers import Layers
from transcriber.rtc.sfu.leg import Leg
from transcriber.rtc.sfu.outbox import Outbox
from transcriber.rtc.sfu.packet import Form, Packet
from transcriber.rtc.sfu.parts import Parts
from transcriber.rtc.sfu.wave import Share, Table, tables
from transcriber.rtc.srtp import ROOM

__all__ = ["Forwarder", "Upstream"]

KEYFRAME_PAUSE = 0.5
"""Seconds between two requests for a keyframe; the publisher needs time to make one."""
STEP = 1 / 30
"""Seconds by which a picture moves on at a change of layers at least."""


class Upstream(Protocol):
    """Where requests to the publisher go: a `Link`."""

    def send_control(self, packet: bytes) -> None:
        """Encrypt and send a control packet."""


class Forwarder:
    """
    One published track and its subscribers.

    `codec` is named with its clock; `level` and `needs` are the numbers of the publisher's header
    extensions that say how loud a packet is and what it depends on. `loudness` is how far below
    full scale the last packet was.
    """

    def __init__(
        self, outbox: Outbox, upstream: Upstream, *, codec: str, level: int = 0, needs: int = 0
    ) -> None:
        self.legs: list[Leg] = []
        self.held = False
        self.loudness = rtp.QUIETEST
        self._outbox, self._upstream = outbox, upstream
        self._codec, self._level = codec, level
        self.layers = Layers(int(codec.partition("/")[2]))
        """What the publisher sends."""
        self.video = not codec.startswith(("opus", "pcm", "g722"))
        """Whether it is a picture, which only begins at a keyframe."""
        self._parts = Parts(codec, needs)
        self._ours = secrets.randbits(32)
        self._tables: list[Table] | None = None
        """Who gets sound without a look at each of them; none until everybody has begun."""
        self._passed = 0
        """The last number of sound that was forwarded."""

    def bind(self, source: int, layer: int) -> None:
        """Say which layer a source is; who gets that layer goes on with whatever comes next."""
        if self.layers.binds(source, layer):
            return
        for leg in self.legs:
            if leg.layer == layer:
                self._rest(leg)
        self.layers.bind(source, layer)

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
        if layer > leg.shown or (layer != leg.shown and not self.layers.scalable):
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
        number = self.layers.number(source)
        if self.layers[number].find(sequence) is not None:
            return  # browsers find out how much fits by sending what they sent before
        loudness = rtp.level(buffer.data, start, self._level) if self._level else -1
        self.loudness = loudness = loudness & 0x7F
        payload = bytes(buffer.view[start:stop])
        packet = Packet(sequence, timestamp, buffer.data[1] & 0x80, loudness, payload, now)
        if self._parts.possible:
            packet = self._parts.tell(packet, buffer, start)
            self.layers.scalable |= packet.part is not None
        if missing := self.layers.take(number, packet, size):
            self._upstream.send_control(rtcp.missing(self._ours, source, missing))
        if self.video:
            if self.layers[number].owed:
                self._ask_keyframe(number, now)
            self._forward(number, packet, now)
        elif not self.held:
            self._outbox.post(self, packet)

    def control(self, leg: Leg, items: Iterable[rtcp.Item], now: float) -> None:
        """Take what a subscriber says about what it gets."""
        for item in items:
            match item:
                case rtcp.Missing(source=leg.source):
                    self._again(leg, item.sequences)
                case rtcp.KeyframeWanted(source=leg.source):
                    self._ask_keyframe(max(0, leg.target), now)

    def report(self, leg: Leg, wall: float, now: float) -> bytes:
        """Return our report to a subscriber, once there is something to report."""
        if not leg.sent or self.layers.last(leg.layer) is None:
            return b""
        day, timestamp = self.layers[leg.layer].time(wall, now, self.layers.rate)
        return rtcp.sender_report(
            leg.source, wall=day, timestamp=leg.clock(timestamp), packets=leg.sent,
            octets=leg.octets,
        )  # fmt: skip

    def shares(self, packet: Packet) -> list[Share] | None:
        """Say who is to get a packet of sound; nothing where everybody has to be looked at."""
        number = self.layers.holding(packet)
        if number < 0 or self.held:
            return []
        if self._tables is None:
            self._tables = tables(self.legs, number)
        ahead = rtp.signed16(packet.sequence - self._passed)
        if self._tables is None or ahead <= 0:
            return None
        self._passed = packet.sequence
        return [Share(table, packet, table.legs[0].form.write(packet)) for table in self._tables]

    def forward(self, packet: Packet) -> None:
        """Look at everybody, whether they are to get a packet of sound."""
        self._passed = packet.sequence
        self._forward(self.layers.holding(packet), packet, packet.at)

    def settle(self) -> None:
        """Have the subscribers' counters be true."""
        for table in self._tables or ():
            table.settle()

    def _unsettle(self) -> None:
        """Something about subscribers changes: look at each of them."""
        self.settle()
        self._tables = None

    def _forward(self, number: int, packet: Packet, now: float) -> None:
        forms: dict[tuple[Form, int], bytes] = {}
        fresh: bool | None = None
        for leg in self.legs:
            if leg.paused:
                continue
            if leg.layer != number:
                if leg.target != number and not packet.part:
                    continue
                if fresh is None:
                    fresh = not self.video or begins(self._codec, packet.payload)
                if not fresh:
                    self._ask_keyframe(number, now)
                    continue
                self._change(leg, number, packet, now)
            if leg.fresh and not leg.admits(packet):
                continue
            sent = packet if leg.thinning is None else leg.thinning.take(packet, leg.target)
            if sent is not None:
                kind = leg.form, sent.marker
                ready = forms.get(kind)
                if ready is None:
                    ready = forms[kind] = leg.form.write(sent)
                leg.send(sent, ready, self._outbox.out)

    def _change(self, leg: Leg, number: int, packet: Packet, now: float) -> None:
        rest, rate = leg.rest or self.layers.last(leg.layer), self.layers.rate
        if rest is not None:
            leg.go_on(rest, max(int(STEP * rate), int((now - rest.at) * rate)), packet)
        leg.begin(number, packet)

    def _rest(self, leg: Leg) -> None:
        """Have a subscriber begin anew, with numbers that go on, at whatever comes next."""
        self._unsettle()
        leg.rest = self.layers.last(leg.layer) or leg.rest
        leg.layer = -1

    def _again(self, leg: Leg, sequences: Iterable[int]) -> None:
        if leg.layer < 0:
            return
        kept = leg.thinning or self.layers[leg.layer]
        for sequence in sequences:
            packet = kept.find(leg.origin(sequence))
            if packet is not None and (leg.thinning or not leg.fresh or leg.admits(packet)):
                leg.send(packet, leg.form.write(packet), self._outbox.out)

    def _ask_keyframe(self, number: int, now: float) -> None:
        number = 0 if self.layers.scalable else number
        if not self.video or number >= len(self.layers):
            return
        layer = self.layers[number]
        layer.owed = self.layers.scalable and now - layer.asked_at < KEYFRAME_PAUSE
        if layer.source and now - layer.asked_at >= KEYFRAME_PAUSE:
            layer.asked_at = now
            self._upstream.send_control(rtcp.keyframe_wanted(self._ours, layer.source))
