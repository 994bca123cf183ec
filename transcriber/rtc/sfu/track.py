"""
One stream of sound or picture that a participant sends, and where it goes.

Packets go to the forwarder, and to whoever listens in the house: a recogniser, a program that
wants the samples. It is decoded only while somebody listens, and once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from transcriber.audio.block import Block
from transcriber.ids import new_id
from transcriber.rtc import rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.receiver import Formats, Receiver
from transcriber.rtc.sfu.forwarder import Forwarder, Upstream
from transcriber.rtc.sfu.incoming import Incoming
from transcriber.rtc.sfu.outbox import Outbox

__all__ = ["LAYERS", "Hear", "Shown", "Track"]

Hear = Callable[[Block], object]
LAYERS = ("low", "mid", "high")
"""What subscribers call the layers, from the smallest on."""
SILENT = 127
"""The audio level of packets that are not worth decoding."""


class Shown(NamedTuple):
    """What a section shows, and how it is encrypted from end to end, if it is."""

    source: str
    encryption: str = ""


class Track:
    """
    What one section of a publisher carries.

    `on_key` learns which keys are pressed. `loudest` is the level of the loudest packet since
    whoever reads it set it to `rtp.QUIETEST`.
    """

    def __init__(
        self,
        owner: str,
        incoming: Incoming,
        shown: Shown,
        *,
        outbox: Outbox,
        upstream: Upstream,
        on_key: Callable[[str], object],
        waiting: set[Receiver],
    ) -> None:
        self.id = new_id("trk")
        self.owner, self.shown, self.incoming = owner, shown, incoming
        self.muted = False
        self.loudest = rtp.QUIETEST
        self._level = incoming.extension(rtp.AUDIO_LEVEL)
        self.forwarder = Forwarder(
            outbox, upstream, codec=incoming.codec.name, level=self._level,
            needs=incoming.extension(rtp.DEPENDENCY),
        )  # fmt: skip
        self._waiting = waiting
        self._on_key = on_key
        self._key_at = -1
        self._listeners: list[Hear] = []
        self._tap: Receiver | None = None

    @property
    def source(self) -> str:
        """What it shows."""
        return self.shown.source

    @property
    def kind(self) -> str:
        """Audio or video."""
        return self.incoming.kind

    @property
    def held(self) -> bool:
        """Whether it is not passed on now, because too many talk."""
        return self.forwarder.held

    def as_dict(self) -> dict[str, Any]:
        """Describe it to participants."""
        return {
            "id": self.id,
            "kind": self.kind,
            "source": self.source,
            "muted": self.muted,
            "encryption": self.shown.encryption or None,
            "layers": list(LAYERS[: len(self.incoming.layers)]),
        }

    def media(self, buffer: Buffer, size: int, now: float) -> None:
        """Take a packet of the sound or picture; what is muted goes nowhere."""
        if self.muted:
            return
        self.forwarder.media(buffer, size, now)
        if self.forwarder.loudness < self.loudest:
            self.loudest = self.forwarder.loudness
        if self._tap is not None:
            self._tap.media(buffer, size, now)

    def key(self, buffer: Buffer, size: int, now: float) -> None:
        """Take a packet that is a key; its end is sent three times with the same timestamp."""
        if header := rtp.parse(buffer.data, size):
            _, _, timestamp, _, start, stop = header
            key = rtp.pressed(buffer.data, start, stop)
            if key is not None and timestamp != self._key_at:
                self._key_at = timestamp
                self._on_key(key)
        if self._tap is not None:
            self._tap.media(buffer, size, now)

    def mute(self, muted: bool) -> None:
        """Pass nothing on, or go on."""
        if self.muted and not muted:
            self.forwarder.rest()
            self.forwarder.layers.interrupt()
        self.muted = muted

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Pass blocks of sound to somebody from now on; returns how to stop."""
        self._listeners.append(hear)
        if self._tap is None:
            incoming = self.incoming
            formats = Formats(
                codecs={incoming.codec.payload_type: incoming.codec.name},
                keys=incoming.keys,
                level=self._level,
            )
            self._tap = Receiver(formats, self._heard, gate=SILENT, waiting=self._waiting)

        def stop() -> None:
            if hear in self._listeners:
                self._listeners.remove(hear)
            if not self._listeners:
                self.close()

        return stop

    def close(self) -> None:
        """Decode no more."""
        self._listeners.clear()
        if self._tap is not None:
            self._tap.close()
            self._tap = None

    def _heard(self, block: Block) -> None:
        for hear in tuple(self._listeners):
            hear(block)
