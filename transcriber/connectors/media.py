"""
Any audio or video file, as samples: what PyAV can open, piece by piece.

Reading is synchronous and belongs in a thread. Damaged pieces are skipped and the rest is read;
a file that ends before its own header says is told apart from one that is complete, after
everything in it was delivered.
"""

from __future__ import annotations

import math
import os
import re
import select
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import av.audio
import numpy as np
from av.audio.stream import AudioStream

from transcriber.audio.block import Samples
from transcriber.errors import BadInput

__all__ = ["STDIN", "UNREADABLE", "Media", "samples_of"]

STDIN = "-"
"""The name of standard input."""
UNREADABLE = (av.FFmpegError, ValueError, OSError, EOFError, LookupError, OverflowError)
"""What PyAV raises about content it cannot use."""
HEADERS_KNOW = {"wav", "w64", "flac", "mp3", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "aiff"}
"""Formats whose header tells the duration instead of guessing it."""
SHORT = 0.98
"""Share of its stated duration below which a file is called truncated."""
HOLE, MAX_HOLE = 0.1, 600.0
"""Seconds of a hole in the time line that is worth filling, and of one that is an error."""
TAG = re.compile(r"(\d{1,3}):(\d\d):(\d\d(?:\.\d+)?)")
"""How Matroska states the duration of one stream."""
TICK = 0.2
"""Seconds after which a read from a pipe looks whether it is still wanted."""
PAGE = 65_307
"""Bytes of the largest Ogg page."""


class Media:
    """An open file; iterate for `(rate, samples)` with one row of samples for each channel."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._name = "standard input" if path == STDIN else path
        self._pipe: Pipe | None = None
        self.seconds = 0.0
        self._container: Any = self._open()
        self._stream = self._audio()
        self._origin = (self._container.start_time or 0) / av.time_base
        self.duration = self._promised()

    def __iter__(self) -> Iterator[tuple[int, Samples]]:
        for frame in self._frames():
            samples = samples_of(frame)
            if samples.size and frame.sample_rate:
                yield from self._gap(frame, len(samples))
                self.seconds += samples.shape[1] / frame.sample_rate
                yield frame.sample_rate, samples
        self._complain()

    def _gap(self, frame: av.audio.AudioFrame, channels: int) -> Iterator[tuple[int, Samples]]:
        """Fill a hole in the file's time line, so that words keep the times they are heard at."""
        missing = (frame.time or 0.0) - self._origin - self.seconds
        if not HOLE < missing < MAX_HOLE:
            return
        for portion in range(math.ceil(missing)):
            seconds = min(1.0, missing - portion)
            self.seconds += seconds
            silence = np.zeros((channels, round(seconds * frame.sample_rate)), np.float32)
            yield frame.sample_rate, silence

    def _promised(self) -> float | None:
        """The length of the sound as the file states it, in seconds; none when it does not."""
        stream, whole = self._stream, self._container.duration
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        if tag := TAG.fullmatch(stream.metadata.get("DURATION", "")):
            return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        alone = len(self._container.streams) == 1
        return whole / av.time_base if alone and whole and whole > 0 else None

    def stop(self) -> None:
        """Let a read that waits for a pipe return; from any thread."""
        if self._pipe:
            self._pipe.stopped = True

    def close(self) -> None:
        """Close the file; not while it is being read."""
        self._container.close()
        if self._pipe:
            self._pipe.close()

    def _open(self) -> Any:
        try:
            source: str | Pipe = self._path
            if self._path == STDIN or not stat.S_ISREG(Path(self._path).stat().st_mode):
                source = self._pipe = Pipe(0 if self._path == STDIN else self._path)
            return av.open(source, metadata_errors="ignore")
        except FileNotFoundError as error:
            raise BadInput(f"{self._name}: no such file", remedy="check the path") from error
        except (PermissionError, IsADirectoryError) as error:
            self._close_pipe()
            raise BadInput(f"{self._name}: {error.strerror}") from error
        except UNREADABLE as error:
            self._close_pipe()
            raise BadInput(f"{self._name}: {self._why()}", remedy=SEND) from error

    def _close_pipe(self) -> None:
        if self._pipe:
            self._pipe.close()

    def _why(self) -> str:
        with suppress(OSError):
            if self._pipe is None and not Path(self._path).stat().st_size:
                return "the file is empty"
        return "not an audio or video file, or cut off at its beginning"

    def _audio(self) -> AudioStream:
        streams = self._container.streams
        for stream in streams.audio:
            if stream.codec_context is not None and stream.rate:
                return stream  # type: ignore[no-any-return]
        what = "only video, no audio" if streams.video else "no audio that can be decoded"
        self.close()
        raise BadInput(f"{self._name}: {what}", remedy=SEND)

    def _frames(self) -> Iterator[av.audio.AudioFrame]:
        """Decode what can be decoded; stop where the file cannot be followed any more."""
        with suppress(*UNREADABLE):
            for packet in self._container.demux(self._stream):
                with suppress(*UNREADABLE):
                    yield from packet.decode()

    def _complain(self) -> None:
        if not self.seconds:
            raise BadInput(f"{self._name}: no audio that can be decoded", remedy=SEND)
        if self._truncated():
            says = f" of {self.duration:.1f}" if self.duration else ""
            raise BadInput(
                f"{self._name}: truncated, only {self.seconds:.1f}{says} seconds are there",
                remedy="what there is was transcribed; fetch the file again for the rest",
            )

    def _truncated(self) -> bool:
        kind = self._container.format.name
        if self._pipe:
            return False
        if kind in HEADERS_KNOW and self.seconds < SHORT * (self.duration or 0.0) - 0.1:
            return True
        return (kind == "wav" and _wav_cut(self._path)) or (kind == "ogg" and _ogg_cut(self._path))


SEND = "send any audio or video file with sound"


class Pipe:
    """A source that cannot be sought, whose reads can be stopped."""

    def __init__(self, path: str | int) -> None:
        self.stopped = False
        self._owned = isinstance(path, str)
        self._fd = os.open(path, os.O_RDONLY) if isinstance(path, str) else path

    def read(self, size: int) -> bytes:
        """Return what is there, waiting for the first byte; nothing at the end or when stopped."""
        while not self.stopped:
            if select.select([self._fd], [], [], TICK)[0]:
                return os.read(self._fd, size)
        return b""

    def close(self) -> None:
        """Close it, unless it is standard input."""
        if self._owned and self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def samples_of(frame: av.audio.AudioFrame) -> Samples:
    """Return a frame's samples between -1 and 1, one row for each channel."""
    raw: np.ndarray[Any, Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        raw = raw.reshape(-1, frame.layout.nb_channels).T
    if raw.dtype == np.uint8:
        return (raw.astype(np.float32) - np.float32(128)) / np.float32(128)
    if np.issubdtype(raw.dtype, np.integer):
        return raw.astype(np.float32) / np.float32(2 ** (8 * raw.itemsize - 1))
    sane: Samples = np.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
    return sane.clip(-1.0, 1.0)


def _wav_cut(path: str) -> bool:
    """FFmpeg trusts the file's length more than its header, which says what should be there."""
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        head = file.read(8)
    says = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and says < 0xFFFFFFFF and says + 8 > size + 1


def _ogg_cut(path: str) -> bool:
    """The last page of a complete Ogg file says that it is the last, and is whole."""
    with Path(path).open("rb") as file:
        file.seek(max(0, Path(path).stat().st_size - PAGE))
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    sizes = page[27 : 27 + page[26]] if len(page) > 26 else b""
    whole = len(page) >= 27 + len(sizes) + sum(sizes)
    return not (whole and page[5:6] and page[5] & 4)
