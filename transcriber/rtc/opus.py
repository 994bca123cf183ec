"""
libopus, called directly.

PyAV cannot decode to 24 kHz and its frames cost as much as the codec; so the library itself is
called through cffi, straight into the samples that leave as blocks: no resampler, no integer
samples, no second channel. The system's libopus is used, else the copy inside PyAV's wheel. The
calls release the interpreter lock.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import cffi
import numpy as np

from transcriber.audio.block import RATE, Samples
from transcriber.errors import Misconfigured

__all__ = [
    "CLOCK",
    "FRAME",
    "LONGEST",
    "Decoder",
    "Encoder",
    "ffi",
    "find",
    "library",
    "places",
    "version",
]

CLOCK = 48_000
"""RTP ticks per second, whatever the sampling rate (RFC 7587)."""
FRAME = RATE // 50
"""Samples of a frame that we send: 20 ms."""
LONGEST = RATE * 120 // 1000
"""Samples of the longest packet: 120 ms."""
PACKET = 1_275
"""Bytes of the longest frame."""
NAMES = ("libopus.so.0", "libopus.0.dylib")
"""What the system calls the library."""
VOIP = 2_048
SET_BITRATE, SET_COMPLEXITY, SET_FEC, SET_LOSS = 4_002, 4_010, 4_012, 4_014

ffi: Any = cffi.FFI()
ffi.cdef("""
typedef struct OpusDecoder OpusDecoder;
typedef struct OpusEncoder OpusEncoder;
int opus_decoder_get_size(int channels);
OpusDecoder *opus_decoder_create(int32_t rate, int channels, int *error);
void opus_decoder_destroy(OpusDecoder *decoder);
int opus_decode_float(OpusDecoder *decoder, const unsigned char *data, int32_t size, float *pcm,
                      int frame_size, int decode_fec);
int opus_encoder_get_size(int channels);
OpusEncoder *opus_encoder_create(int32_t rate, int channels, int application, int *error);
void opus_encoder_destroy(OpusEncoder *encoder);
int opus_encode_float(OpusEncoder *encoder, const float *pcm, int frame_size, unsigned char *data,
                      int32_t room);
int opus_encoder_ctl(OpusEncoder *encoder, int request, ...);
const char *opus_get_version_string(void);
""")


def places() -> Iterator[str]:
    """Yield where libopus may be, the system first."""
    yield from NAMES
    wheel = Path(av.__file__).parent.parent
    for folder in ("av.libs", "av/.dylibs"):
        yield from map(str, sorted((wheel / folder).glob("libopus*")))


@functools.cache
def library() -> Any:
    """Return libopus; raises `Misconfigured` if this machine has none."""
    return find(places())


def find(places: Iterable[str]) -> Any:
    """Return the first library that can be loaded; raises `Misconfigured` if there is none."""
    for place in places:
        try:
            return ffi.dlopen(place)
        except OSError:
            continue
    raise Misconfigured(
        "libopus",
        "neither the system nor the av package has the Opus library",
        remedy="install the package libopus0 (Debian) or opus (others)",
    )


def version() -> str:
    """Return which libopus is used."""
    return bytes(ffi.string(library().opus_get_version_string())).decode()


class Decoder:
    """Decodes one stream to 24 kHz mono, into samples that it is given once."""

    clock = CLOCK
    __slots__ = ("_decode", "_pcm", "_samples", "_state")

    def __init__(self, pcm: Samples) -> None:
        codec, error = library(), ffi.new("int *")
        state = codec.opus_decoder_create(RATE, 1, error)
        if error[0]:
            raise MemoryError(f"libopus gave no decoder: error {error[0]}")
        size = codec.opus_decoder_get_size(1)
        self._state = ffi.gc(state, codec.opus_decoder_destroy, size=size)
        self._decode = codec.opus_decode_float
        self._samples = pcm
        self._pcm = ffi.from_buffer("float[]", pcm) + 0

    def decode(self, payload: bytes, at: int) -> int:
        """Decode a payload to position `at`; return how many samples, negative if malformed."""
        return int(self._decode(self._state, payload, len(payload), self._pcm + at, LONGEST, 0))

    def recover(self, payload: bytes, samples: int, at: int) -> int:
        """Decode what a payload says about the `samples` before it; 0 if it says nothing."""
        size, pcm = len(payload), self._pcm + at
        return max(0, int(self._decode(self._state, payload, size, pcm, samples, 1)))

    def conceal(self, samples: int, at: int) -> int:
        """Continue what was heard last over `samples` that are missing."""
        return max(0, int(self._decode(self._state, ffi.NULL, 0, self._pcm + at, samples, 0)))


class Encoder:
    """Encodes speech at 24 kHz, 20 ms a packet, so that a lost packet can be recovered."""

    __slots__ = ("_encode", "_out", "_state")

    def __init__(self, *, bitrate: int = 32_000, complexity: int = 5, loss: int = 10) -> None:
        codec, error = library(), ffi.new("int *")
        state = codec.opus_encoder_create(RATE, 1, VOIP, error)
        if error[0]:
            raise MemoryError(f"libopus gave no encoder: error {error[0]}")
        size = codec.opus_encoder_get_size(1)
        self._state = ffi.gc(state, codec.opus_encoder_destroy, size=size)
        settings = (
            (SET_BITRATE, bitrate), (SET_COMPLEXITY, complexity), (SET_FEC, 1), (SET_LOSS, loss)
        )  # fmt: skip
        for request, value in settings:
            codec.opus_encoder_ctl(self._state, request, ffi.cast("int32_t", value))
        self._encode = codec.opus_encode_float
        self._out = ffi.new("unsigned char[]", PACKET)

    def encode(self, samples: Samples) -> bytes:
        """Return `FRAME` samples as a packet."""
        if len(samples) != FRAME:
            raise ValueError(f"{len(samples)} samples are no frame")
        pcm = ffi.from_buffer("float[]", np.ascontiguousarray(samples, np.float32))
        size = self._encode(self._state, pcm, FRAME, self._out, PACKET)
        if size < 0:
            raise RuntimeError(f"libopus encodes nothing: error {size}")
        return bytes(ffi.buffer(self._out, size))
