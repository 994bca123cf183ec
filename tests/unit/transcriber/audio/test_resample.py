"""From one rate to another."""

import numpy as np
import pytest

from transcriber.audio.block import Samples
from transcriber.audio.resample import Resampler


def tone(rate: int, *, hertz: float = 440, seconds: float = 1.0) -> Samples:
    return np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


def convert(samples: Samples, source: int, target: int, *, portion: int = 480) -> Samples:
    resampler = Resampler(source, target)
    parts = [resampler.push(samples[at : at + portion]) for at in range(0, len(samples), portion)]
    return np.concatenate([*parts, resampler.flush()])


@pytest.mark.parametrize(("source", "target"), [(8000, 24000), (48000, 24000), (44100, 24000)])
def test_a_tone_stays_the_same_tone(source: int, target: int) -> None:
    heard = convert(tone(source), source, target)
    wanted = tone(target)
    assert abs(len(heard) - len(wanted)) <= 2
    middle = slice(target // 10, -target // 10)
    assert np.abs(heard[: len(wanted)][middle] - wanted[: len(heard)][middle]).max() < 0.01


def test_the_same_rate_changes_nothing() -> None:
    samples = tone(24000)
    assert np.array_equal(convert(samples, 24000, 24000), samples)


def test_portions_do_not_matter() -> None:
    samples = tone(16000)
    whole = convert(samples, 16000, 24000, portion=len(samples))
    pieces = convert(samples, 16000, 24000, portion=37)
    assert np.allclose(whole, pieces, atol=1e-6)
