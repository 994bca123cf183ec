"""Captions of real speech: gate, recogniser and captions layer together."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.conformance.stt import SttConformance, finals, hear, text
from tests.peers import require
from tests.peers.speech import WORDS, blocks, error_rate, plain
from transcriber.audio.block import RATE, SAMPLES, SECONDS, Block, silence
from transcriber.captions.readable import readable
from transcriber.captions.scribe import CaptionOptions
from transcriber.engines.gate import GateRules, gated
from transcriber.engines.stt.base import Partial, StreamOptions, Stt
from transcriber.engines.stt.local import Local, LocalOptions
from transcriber.engines.vad import Silero

ALL = CaptionOptions.model_validate({"REDACT": "card,iban,email,phone"})
AMIABLE = ["he", "might", "even", "have", "been", "made", "amiable", "himself"]


@pytest.fixture(scope="module")
def silero() -> Silero:
    return Silero()


@pytest.fixture
async def local() -> AsyncIterator[Local]:
    async with Local(LocalOptions()) as engine:
        yield engine


def behind_gate(stt: Stt, silero: Silero) -> Stt:
    return gated(stt, judge=silero.voice, rules=GateRules(park=3.0))


def noise(count: int, level: float = 0.003) -> list[Block]:
    rng = np.random.default_rng(1)
    return [rng.normal(0, level, SAMPLES).astype(np.float32) for _ in range(count)]


def spoken(sentence: str, folder: Path) -> list[Block]:
    """A sentence as espeak-ng says it."""
    wav = folder / "said.wav"
    espeak = (require("espeak-ng"), "-v", "en-us", "-s", "140", "-w", str(wav), sentence)
    subprocess.run(espeak, check=True, timeout=60)
    form = ("-ar", str(RATE), "-ac", "1", "-f", "f32le", "-")
    ffmpeg = (require("ffmpeg"), "-v", "error", "-i", str(wav), *form)
    raw = subprocess.run(ffmpeg, check=True, capture_output=True, timeout=60).stdout
    audio = np.frombuffer(raw, np.float32)
    audio = np.concatenate([audio, np.zeros(-len(audio) % SAMPLES, np.float32)])
    return [audio[at : at + SAMPLES] for at in range(0, len(audio), SAMPLES)]


class TestCaptions(SttConformance):
    """All three together are a recogniser like any other."""

    @pytest.fixture
    def stt(self, local: Local, silero: Silero) -> Stt:
        return readable(behind_gate(local, silero), ALL)

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return blocks(13.9, 17.3)

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return AMIABLE

    async def test_whoever_cannot_wait_loses_the_oldest_and_it_is_counted(self, stt: Stt) -> None:
        async with stt.open(StreamOptions()) as stream:
            for _ in range(30):
                for block in blocks(13.9, 17.3):
                    stream.push(block)
            assert 0 < stream.dropped < 30 * 45


async def test_the_gate_loses_no_word(local: Local, silero: Silero) -> None:
    heard = await hear(behind_gate(local, silero), blocks())
    assert error_rate(WORDS, plain(text(heard))) <= 5


async def test_the_first_word_is_heard_after_minutes_of_noise(local: Local, silero: Silero) -> None:
    bed = noise(1_000)
    talk = [block + hum for block, hum in zip(blocks(13.9, 17.3), bed, strict=False)]
    heard = await hear(behind_gate(local, silero), [*bed, *talk, *bed[:50]])
    assert plain(text(heard)) == AMIABLE
    (final,) = finals(heard)
    assert abs(final.start - len(bed) * SECONDS) < 0.6


async def test_noise_and_silence_open_no_stream(silero: Silero) -> None:
    class Never(Local):
        def open(self, options: StreamOptions):  # type: ignore[no-untyped-def]
            raise AssertionError("nobody spoke")

    quiet = [*noise(300), *[silence()] * 300, *noise(300, 0.02)]
    assert await hear(behind_gate(Never(LocalOptions()), silero), quiet) == []


async def test_partials_only_grow(local: Local, silero: Silero) -> None:
    heard = await hear(readable(behind_gate(local, silero)), blocks(0, 8.2), paced=True)
    shown: list[str] = []
    for event in heard:
        if isinstance(event, Partial):
            now = plain(event.text)
            assert now[: len(shown)] == shown
            shown = now
        else:
            shown = []
    assert sum(isinstance(event, Partial) for event in heard) >= 2


async def test_a_card_number_that_is_read_out_is_never_shown(
    local: Local, silero: Silero, tmp_path: Path
) -> None:
    said = "My card number is five one oh five, one oh five one, oh five one oh, five one oh oh."
    talk = [*spoken(said, tmp_path), *[silence()] * 30]
    plainly = text(await hear(behind_gate(local, silero), talk))
    assert sum(c.isdecimal() for c in plainly) + plainly.lower().count("one") >= 8, plainly
    heard = await hear(readable(behind_gate(local, silero), ALL), talk, paced=True)
    for event in heard:
        shown = getattr(event, "text", "").lower()
        assert sum(c.isdecimal() for c in shown) + shown.count("one") <= 6, shown
    assert "[" in text(heard)
