"""Less noise before recognition, by the real suppression."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from tests.conformance.stt import SttConformance
from tests.fakes.stt import FakeStt
from tests.peers.speech import blocks
from transcriber.audio.block import SAMPLES, Block, silence
from transcriber.engines.denoise import Denoiser, denoised
from transcriber.engines.stt.base import StreamOptions, Stt
from transcriber.errors import Misconfigured


def noise(count: int, level: float = 0.05) -> list[Block]:
    rng = np.random.default_rng(1)
    return [(rng.standard_normal(SAMPLES) * level).astype(np.float32) for _ in range(count)]


def loud(heard: Sequence[Block]) -> float:
    return float(np.sqrt(np.mean(np.concatenate(heard) ** 2)))


def test_steady_noise_becomes_quieter_the_more_so_the_higher_the_level() -> None:
    left = []
    for level in (1, 4):
        clean = Denoiser(level)
        left.append(loud([clean(block) for block in noise(50)][25:]) / loud(noise(50)))
    assert left[1] < left[0] < 0.5


def test_speech_comes_less_than_a_block_later_and_nearly_as_loud_as_it_was() -> None:
    speech = blocks(13.9, 17.3)
    clean = Denoiser(2)
    heard = [clean(block) for block in speech]
    assert len(heard) == len(speech)
    assert loud(heard) == pytest.approx(loud(speech), rel=0.25)
    before, after = np.concatenate(speech), np.concatenate(heard)
    spectra = np.fft.rfft(after, 2 * len(after)) * np.conj(np.fft.rfft(before, 2 * len(before)))
    late = int(np.argmax(np.fft.irfft(spectra)))
    assert 0 <= late < SAMPLES


def test_every_block_is_one_block_of_its_size() -> None:
    clean = Denoiser(1)
    assert {clean(block).shape for block in [silence(), *noise(9)]} == {(SAMPLES,)}


class TestDenoised(SttConformance):
    """The scripted recogniser hears levels, which a filter does not keep: here it hears none."""

    @pytest.fixture
    async def stt(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stt]:
        monkeypatch.setattr(Denoiser, "__call__", lambda self, block: block)
        async with denoised(FakeStt(), 1) as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return [np.full(SAMPLES, word, np.float32) for word in range(1, 13)]

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return [str(word) for word in range(1, 13)]


async def test_what_the_stream_inside_says_is_passed_on() -> None:
    async with denoised(FakeStt(), 1).open(StreamOptions()) as stream:
        assert stream.dropped == 0
        await stream.ready()


def test_where_it_is_not_installed_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webrtc_noise_gain", None)
    with pytest.raises(Misconfigured, match=r"NOISE_SUPPRESSION.*transcriber\[denoise\]"):
        denoised(FakeStt(), 2)
