"""A vosk-server, against what its source says it sends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.conformance.stt import SttConformance, finals, hear
from tests.peers.engines.ear import NAMES, SENTENCE
from tests.peers.engines.vosk import vosk_server
from transcriber.audio.block import SECONDS, Block
from transcriber.engines.stt.base import StreamOptions, Stt
from transcriber.engines.stt.vosk import Vosk, VoskOptions


def engine(url: str, **settings: Any) -> Vosk:
    address = url.replace("http", "ws")
    return Vosk(VoskOptions.model_validate({"LT_VOSK_SERVER_URL": address} | settings))


class TestVosk(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with vosk_server() as server, engine(server.url) as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return SENTENCE

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return NAMES


async def test_a_flush_costs_no_time_of_the_speaker() -> None:
    async with (
        vosk_server() as server,
        engine(server.url) as stt,
        stt.open(StreamOptions()) as stream,
    ):
        for block in SENTENCE[:3]:
            stream.push(block)
        stream.flush()
        for block in SENTENCE[3:6]:
            stream.push(block)
        stream.close()
        first, second = finals([event async for event in stream])
    assert (first.text, second.text) == ("one two three", "four five six")
    assert second.start == pytest.approx(3 * SECONDS, abs=0.08)


async def test_hints_do_not_narrow_down_what_can_be_heard() -> None:
    async with vosk_server() as server:
        async with engine(server.url) as stt:
            await hear(stt, [], StreamOptions(vocabulary=("nextcloud",)))
        assert json.loads(server.heard[0]) == {"config": {"sample_rate": 16_000, "words": True}}


def test_an_address_is_needed() -> None:
    assert "LT_VOSK_SERVER_URL" in Vosk(VoskOptions.model_validate({})).unusable()


def test_the_languages_are_those_of_the_model() -> None:
    assert engine("http://h", VOSK_LANGUAGES="en,de").info.languages == ("en", "de")
