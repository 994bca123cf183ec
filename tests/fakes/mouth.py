"""A call's loudspeaker that notes when what was heard, with the real clock of speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

import numpy as np

from dialogs.errors import VoiceFailed
from dialogs.ports import Sound, Style
from transcriber.audio.block import RATE, Samples
from transcriber.errors import EngineError
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.pacer import Pacer
from transcriber.rtc.sender import Sender

STEP = 0.02
"""Seconds of a packet."""


class FakeMouth:
    """What a call does with sound: a packet every 20 ms, until told to stop."""

    def __init__(self, *, connected: bool = True) -> None:
        self.packets: list[float] = []
        """When each packet went out."""
        self.sender = Sender(Pacer(asyncio.get_running_loop()), Buffer())
        if connected:
            self.sender.open(self, payload_type=111)

    @property
    def seconds(self) -> float:
        return len(self.packets) * STEP

    def send(self, buffer: Buffer, size: int) -> None:
        self.packets.append(asyncio.get_running_loop().time())

    def send_control(self, packet: bytes) -> None: ...

    def play(self, samples: Samples) -> None:
        self.sender.play(samples)

    def mark(self, reached: Callable[[bool], None]) -> None:
        self.sender.mark(reached)

    def stop(self) -> None:
        self.sender.stop()


@dataclass
class FakeVoice:
    """Makes a tone of half a second a word, faster than it is spoken; fails where told to."""

    word: float = 0.5
    first: float = 0.1
    """Seconds until the first sound of a sentence."""
    chunk: float = 0.17
    """Seconds of sound that come at a time, each a hundredth of a second after the last."""
    fails: str = ""
    hangs: str = ""
    asked: list[tuple[str, Style]] = field(default_factory=list)
    sounds: list[Sound] = field(default_factory=list)
    open: int = 0

    async def speak(self, text: str, style: Style) -> AsyncGenerator[Samples, None]:
        self.asked.append((text, style))
        self.open += 1
        try:
            await asyncio.sleep(self.first)
            if text == self.fails:
                raise EngineError("network", "the voice is away")
            if text == self.hangs:
                await asyncio.sleep(1e6)
            left = round(self.word * RATE) * len(text.split())
            while left > 0:
                size = min(left, round(self.chunk * RATE))
                left -= size
                yield np.full(size, 0.1, np.float32)
                await asyncio.sleep(0.01)
        finally:
            self.open -= 1

    async def fetch(self, sound: Sound) -> AsyncGenerator[Samples, None]:
        self.sounds.append(sound)
        if sound.file == self.fails:
            raise VoiceFailed("no such file")
        yield np.full(RATE, 0.1, np.float32)
