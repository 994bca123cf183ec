"""The simplest audio file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.audio import wav
from transcriber.errors import BadInput

TONE = np.sin(np.linspace(0, 100, 1000)).astype(np.float32)


def test_what_is_written_can_be_read() -> None:
    samples, rate = wav.decode(wav.encode(TONE, 24000))
    assert rate == 24000
    assert np.abs(samples - TONE).max() < 1 / 32000


def test_channels_are_mixed() -> None:
    file = bytearray(wav.encode(np.array([0.5, -0.5, 1.0, 0.0], np.float32), 8000))
    file[22] = 2
    samples, _ = wav.decode(bytes(file))
    assert samples == pytest.approx([0.0, 0.5], abs=1e-4)


def test_unknown_chunks_are_passed_over() -> None:
    file = wav.encode(TONE, 8000)
    strange = b"LIST" + (3).to_bytes(4, "little") + b"abc\0"
    samples, _ = wav.decode(file[:12] + strange + file[12:])
    assert len(samples) == len(TONE)


def test_loud_and_strange_samples_are_cut() -> None:
    strange = np.array([2.0, -2.0, np.nan], np.float32)
    samples, _ = wav.decode(wav.encode(strange, 8000))
    assert samples == pytest.approx([1.0, -1.0, 0.0], abs=1e-4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda file: b"", "no RIFF header"),
        (lambda file: b"RIFX" + file[4:], "no RIFF header"),
        (lambda file: file[:20], "no format or no data"),
        (lambda file: file[:36], "no format or no data"),
        (lambda file: file[:20] + b"\x06" + file[21:], "format 6"),
        (lambda file: file[:34] + b"\x08" + file[35:], "8 bits"),
        (lambda file: file[:22] + b"\0\0" + file[24:], "16 bits"),
    ],
)
def test_what_is_not_such_a_file_is_refused(change: "object", says: str) -> None:
    assert callable(change)
    with pytest.raises(BadInput, match=says):
        wav.decode(change(wav.encode(TONE, 8000)))


@given(st.binary(max_size=200), st.integers(0, 60))
def test_nothing_else_than_a_refusal_comes_of_garbage(garbage: bytes, at: int) -> None:
    file = wav.encode(TONE[:20], 8000)
    for candidate in (garbage, file[:at] + garbage, file[:at] + garbage + file[at:]):
        try:
            samples, rate = wav.decode(candidate)
        except BadInput:
            continue
        assert rate > 0
        assert np.isfinite(samples).all()
