"""Kyutai's voices, against what moshi-server's source says is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgpack
import pytest

from tests.conformance.tts import TEXT, TtsConformance, heard
from tests.peers.engines import kyutai_voice as fake
from tests.peers.engines.server import Mischief, impatient
from transcriber.engines.tts import online
from transcriber.engines.tts.base import Manner, Tts
from transcriber.engines.tts.kyutai import USUAL, Kyutai, KyutaiVoiceOptions
from transcriber.errors import EngineError


def engine(url: str = "", **settings: Any) -> Kyutai:
    wanted = {"KYUTAI_TTS_URL": url.replace("http", "ws", 1), "KYUTAI_API_KEY": "public_token"}
    return Kyutai(KyutaiVoiceOptions.model_validate(wanted | settings))


class TestStream(TtsConformance):
    @pytest.fixture
    async def tts(self) -> AsyncIterator[Tts]:
        async with fake.speech() as server, engine(server.url) as tts:
            yield tts


async def test_everything_that_is_wished_is_sent() -> None:
    async with fake.speech() as server, engine(server.url) as tts:
        await heard(tts, TEXT)
        await heard(tts, TEXT, Manner("vctk/p225_023.wav", "fr"))
    first, second = server.requests
    assert (first.query["voice"], second.query["voice"]) == (USUAL, "vctk/p225_023.wav")
    assert first.headers["kyutai-api-key"] == "public_token"
    messages = [msgpack.unpackb(message) for message in server.heard if isinstance(message, bytes)]
    assert messages == [{"type": "Text", "text": TEXT}, {"type": "Eos"}] * 2


async def test_a_full_server_is_busy() -> None:
    async with fake.speech() as server, engine(server.url) as tts:
        with pytest.raises(EngineError, match="no free channels") as failed:
            await heard(tts, TEXT, Manner(f"voices/{fake.FULL}.wav"))
    assert failed.value.kind == "busy"


def test_without_an_address_it_says_so() -> None:
    assert "KYUTAI_TTS_URL" in engine().unusable()
    assert engine("ws://a").unusable() == ""


@pytest.mark.parametrize("name", ["KYUTAI_TTS_URL", "KYUTAI_VOICE"])
def test_the_settings_make_the_voice(name: str) -> None:
    other = engine("ws://a", **{name: "ws://other"})
    assert other.voiceprint(Manner()) != engine("ws://a").voiceprint(Manner())


TROUBLE: dict[str, tuple[Mischief, str]] = {
    "wrong key": (Mischief(status=401), "auth"),
    "cut off": (Mischief(cut_after=1), "network"),
    "closed": (Mischief(close_after=1), "network"),
    "nonsense": (Mischief(garbage_after=1), "engine"),
    "hangs": (Mischief(hang_after=1), "timeout"),
}


@pytest.mark.parametrize("what", TROUBLE)
async def test_trouble_is_told_by_what_it_means(what: str) -> None:
    mischief, kind = TROUBLE[what]
    mischief.times = 1
    async with fake.speech(mischief) as server, engine(server.url) as tts:
        with impatient(online, "ANSWER", kind), pytest.raises(EngineError) as failed:
            await heard(tts, TEXT)
        assert failed.value.kind == kind
        assert len(await heard(tts, TEXT))
