"""A receiver to be spoken to: what it hears, and a clock that packets move."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

from transcriber.audio.block import RATE, Block, Samples
from transcriber.rtc import opus, rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.receiver import Formats, Receiver

FORMATS = Formats(
    codecs={111: "opus/48000", 0: "pcmu/8000", 8: "pcma/8000", 9: "g722/8000"},
    red=frozenset({63}),
    noise=frozenset({13}),
    keys=frozenset({110}),
    again={64: 111},
    level=1,
)
FRAME = opus.FRAME


@cache
def voice(count: int = 60) -> tuple[bytes, ...]:
    at = np.arange(count * FRAME) / RATE
    swing = 0.2 * np.sin(2 * np.pi * (200 + 30 * np.sin(7 * at)) * at) * (1 + np.sin(20 * at))
    encoder = opus.Encoder()
    samples = swing.astype(np.float32)
    return tuple(encoder.encode(samples[k * FRAME : (k + 1) * FRAME]) for k in range(count))


@cache
def reference(count: int = 60) -> Samples:
    pcm = np.zeros(count * FRAME + opus.LONGEST, np.float32)
    decoder = opus.Decoder(pcm)
    for place, packet in enumerate(voice(count)):
        decoder.decode(packet, place * FRAME)
    return pcm[: count * FRAME]


class Ear:
    """A receiver, what it heard, and a clock that packets move."""

    def __init__(self, *, gate: int | None = None, deaf: bool = False) -> None:
        self.blocks: list[Block] = []
        self.keys: list[str] = []
        self.now = 100.0
        self.waiting: set[Receiver] = set()
        self.buffer = Buffer()
        self.receiver = Receiver(
            FORMATS,
            None if deaf else self.blocks.append,
            gate=gate,
            on_key=self.keys.append,
            waiting=self.waiting,
        )

    def take(
        self,
        number: int,
        payload: bytes,
        *,
        timestamp: int | None = None,
        payload_type: int = 111,
        source: int = 7,
        level: int | None = None,
    ) -> None:
        data = self.buffer.data
        start = rtp.write_header(
            data,
            payload_type,
            number & 0xFFFF,
            (number * 960 if timestamp is None else timestamp) & 0xFFFF_FFFF,
            source=source,
            level=None if level is None else (1, level),
        )
        data[start : start + len(payload)] = payload
        self.receiver.media(self.buffer, start + len(payload), self.now)
        self.now += 0.02

    def expire(self) -> None:
        self.now += 1
        for holder in tuple(self.waiting):
            holder.expire(self.now)

    @property
    def heard(self) -> Samples:
        return np.concatenate([np.zeros(0, np.float32), *self.blocks])


def hear(numbers: Iterable[int], *, first: int = 0, gate: int | None = None) -> Ear:
    ear = Ear(gate=gate)
    packets = voice()
    for number in numbers:
        ear.take(first + number, packets[number])
    return ear
