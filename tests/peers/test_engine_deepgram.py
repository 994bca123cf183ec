"""Deepgram, against what its documentation says it sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.conformance.stt import SttConformance, finals, hear
from tests.peers.engines import deepgram as fake
from tests.peers.engines.ear import NAMES, SENTENCE
from transcriber.audio.block import SECONDS, Block, silence
from transcriber.engines.stt import deepgram
from transcriber.engines.stt.base import StreamOptions, Stt, TurnEnded
from transcriber.engines.stt.deepgram import Deepgram, DeepgramOptions

FLUX = {"DEEPGRAM_MODEL": "flux-general-en"}


def engine(url: str, **settings: Any) -> Deepgram:
    base = url.rpartition("/v")[0]
    return Deepgram(
        DeepgramOptions.model_validate(
            {"DEEPGRAM_BASE_URL": base, "DEEPGRAM_API_KEY": "k"} | settings
        )
    )


class TestNova(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with fake.nova() as server, engine(server.url) as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return SENTENCE

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return NAMES


class TestFlux(TestNova):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with fake.flux() as server, engine(server.url, **FLUX) as stt:
            yield stt


async def test_the_language_the_key_and_the_hints_reach_deepgram() -> None:
    options = StreamOptions("fr", vocabulary=("Janus", "Nextcloud Talk"))
    async with fake.nova() as server:
        async with engine(server.url) as stt:
            (final,) = finals(await hear(stt, SENTENCE, options))
        request = server.requests[0]
    assert request.headers["Authorization"] == "Token k"
    assert request.query["language"] == "fr"
    assert request.query.getall("keyterm") == ["Janus", "Nextcloud Talk"]
    assert (final.language, final.confidence) == ("fr", 0.98)
    assert final.words[0].confidence == 0.9


async def test_older_models_take_hints_by_another_name() -> None:
    async with fake.nova() as server:
        async with engine(server.url, DEEPGRAM_MODEL="nova-2") as stt:
            await hear(stt, [], StreamOptions(vocabulary=("Janus",)))
        assert server.requests[0].query["keywords"] == "Janus"


async def test_a_speaker_may_have_another_model() -> None:
    async with fake.flux() as server, engine(server.url) as stt:
        await hear(stt, SENTENCE, StreamOptions(model="flux-general-en"))
    assert server.requests[0].query["model"] == "flux-general-en"


async def test_flux_says_when_somebody_has_finished() -> None:
    async with fake.flux() as server, engine(server.url, **FLUX) as stt:
        assert stt.info.turns
        heard = await hear(stt, [*SENTENCE, *[silence()] * 6])
    assert heard[-1] == TurnEnded(16 * SECONDS, 0.9)


async def test_a_muted_speaker_keeps_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deepgram.Nova, "idle", 0.2)
    async with fake.nova() as server:
        async with engine(server.url) as stt, stt.open(StreamOptions()):
            await asyncio.sleep(0.5)
        assert '{"type": "KeepAlive"}' in server.heard


def test_a_key_is_needed_unless_the_service_is_ones_own() -> None:
    assert "DEEPGRAM_API_KEY" in Deepgram(DeepgramOptions.model_validate({})).unusable()
    assert engine("http://127.0.0.1:1/v1", DEEPGRAM_API_KEY="").unusable() == ""


def test_flux_in_several_languages_is_offered_for_those() -> None:
    assert "fr" in engine("http://h/v2", DEEPGRAM_MODEL="flux-general-multi").info.languages
    assert engine("http://h/v2", **FLUX).info.languages == ("en",)
