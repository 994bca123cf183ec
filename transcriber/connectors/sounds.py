"""
Sounds that dialogs play: files beside the flows, and files from the web.

Only a few kinds of file are opened, by what they begin with: FFmpeg knows many more, and some of
them name other files or addresses.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np

from dialogs.errors import HookFailed, VoiceFailed
from dialogs.ports import Hooks, Request, Sound
from transcriber.audio.block import RATE, Samples
from transcriber.audio.resample import Resampler
from transcriber.connectors.media import UNREADABLE, samples_of

__all__ = ["Sounds"]

KINDS = {b"RIFF": "wav", b"OggS": "ogg", b"fLaC": "flac", b"ID3": "mp3"}
"""What files begin with, and how FFmpeg calls them."""
LARGEST = 25 * 1024 * 1024
"""Bytes of a file."""
LONGEST = 600.0
"""Seconds that a sound may play."""
PORTION = RATE // 2
"""Samples that are decoded at a time, in a thread."""
FETCHING = 10.0
"""Seconds for a file from the web."""


class Sounds:
    """Reads sounds, as `session.voice.Fetch` wants it."""

    def __init__(self, folder: Path, hooks: Hooks) -> None:
        self._folder = folder
        self._hooks = hooks

    async def fetch(self, sound: Sound) -> AsyncGenerator[Samples, None]:
        """Yield what it sounds like; raises `VoiceFailed`."""
        content = await self._download(sound.url) if sound.url else await self._read(sound.file)
        decoding = await asyncio.to_thread(_Decoding, content, sound.url or sound.file)
        try:
            while (samples := await asyncio.to_thread(decoding.read)) is not None:
                yield samples
        finally:
            decoding.close()

    async def _read(self, file: str) -> bytes:
        try:
            return await asyncio.to_thread(_read, self._folder, file)
        except OSError as error:
            raise VoiceFailed(f"{file}: {error.strerror or 'cannot be read'}") from error

    async def _download(self, url: str) -> bytes:
        request = Request(url, method="GET", timeout=FETCHING, limit=LARGEST)
        try:
            async with asyncio.timeout(FETCHING):
                response = await self._hooks.send(request)
        except HookFailed as error:
            raise VoiceFailed(f"{url}: {error}") from error
        except TimeoutError:
            raise VoiceFailed(f"{url}: not there within {FETCHING:g} s") from None
        if response.status != 200:
            raise VoiceFailed(f"{url}: status {response.status}")
        return response.body


def _read(folder: Path, file: str) -> bytes:
    root = folder.resolve()
    path = (root / file).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise VoiceFailed(f"{file}: there is no such file beside the flows")
    with path.open("rb") as opened:
        content = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise VoiceFailed(f"{file}: larger than {LARGEST // 1024 // 1024} MB")
    return content


class _Decoding:
    """A file that is being decoded; for threads."""

    def __init__(self, content: bytes, name: str) -> None:
        kind = next((kind for mark, kind in KINDS.items() if content.startswith(mark)), "")
        if not kind:
            raise VoiceFailed(f"{name}: not a wav, ogg, flac or mp3 file")
        self._name = name
        self._lock = threading.Lock()
        try:
            self._container: Any = av.open(io.BytesIO(content), format=kind)
        except UNREADABLE as error:
            raise VoiceFailed(f"{name}: cannot be decoded") from error
        self._samples = self._decode()
        self._sent = 0

    def read(self) -> Samples | None:
        """Return the next portion; nothing at the end."""
        with self._lock:
            portion: list[Samples] = []
            while sum(map(len, portion)) < PORTION:
                samples = next(self._samples, None)
                if samples is None:
                    break
                portion.append(samples)
        if not portion:
            return None
        joined = np.concatenate(portion)
        self._sent += len(joined)
        if self._sent > LONGEST * RATE:
            raise VoiceFailed(f"{self._name}: longer than {LONGEST:g} s")
        return joined

    def close(self) -> None:
        """Let go of it, once nobody reads."""
        with self._lock:
            self._samples.close()
            self._container.close()

    def _decode(self) -> Generator[Samples, None, None]:
        rate, resampler = RATE, Resampler(RATE, RATE)
        with suppress(*UNREADABLE):
            for frame in self._container.decode(audio=0):
                if frame.sample_rate != rate:
                    yield resampler.flush()
                    rate = frame.sample_rate
                    resampler = Resampler(rate, RATE)
                yield resampler.push(samples_of(frame).mean(axis=0))
        yield resampler.flush()
