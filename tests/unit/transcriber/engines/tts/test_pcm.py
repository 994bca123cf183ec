"""Bytes of an engine become samples, whatever stands in front of them."""

import struct
from collections.abc import Iterable

import numpy as np
import pytest

from transcriber.audio import wav
from transcriber.audio.block import Samples
from transcriber.engines.tts.pcm import HEADER, Pcm
from transcriber.errors import EngineError

TONE: Samples = (np.sin(np.arange(4_800) / 20) / 2).astype(np.float32)


def through(portions: Iterable[bytes], rate: int = 24_000) -> Samples:
    pcm = Pcm(rate)
    return np.concatenate([*(pcm.push(portion) for portion in portions), pcm.flush()])


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 1_000, 99_999])
def test_portions_do_not_matter(size: int) -> None:
    assert np.allclose(through(cut(wav.pcm16(TONE), size)), TONE, atol=1e-4)


@pytest.mark.parametrize("size", [1, 7, 1_000, 99_999])
def test_a_header_is_taken_off_and_believed(size: int) -> None:
    sound = through(cut(wav.encode(TONE, 12_000), size), rate=24_000)
    assert len(sound) == pytest.approx(2 * len(TONE), abs=2)


def test_a_header_may_have_more_in_it_and_two_channels() -> None:
    data = wav.pcm16(np.repeat(TONE, 2))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, 24_000, 96_000, 4, 16)
    extra = struct.pack("<4sI3sx", b"LIST", 3, b"abc")
    file = b"RIFF\xff\xff\xff\xffWAVE" + extra + form + struct.pack("<4sI", b"data", 0xFFFFFFFF)
    assert np.allclose(through([file + data]), TONE, atol=1e-4)


def test_less_than_a_header_is_sound_too() -> None:
    assert len(through([b"\0\0\0\0"])) == 2
    assert len(through([])) == 0


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"ID3" + bytes(99), "mp3"),
        (b"OggS" + bytes(99), "Ogg"),
        (wav.encode(TONE, 24_000)[:34] + b"\x08\x00" + bytes(99), "8 bits"),
        (b"RIFF____WAVEjunk\xff\xff\x00\x00" + bytes(HEADER), "without end"),
    ],
)
def test_what_is_no_sound_of_ours_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(EngineError, match=problem):
        through([data])
