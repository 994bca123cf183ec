"""OpenAI's voices and compatible ones, against what the reference says is sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conformance.tts import TEXT, TtsConformance, heard, seconds
from tests.peers.engines import openai_voice as fake
from tests.peers.engines.mouth import say
from tests.peers.engines.server import Mischief, impatient
from transcriber.engines.tts import online
from transcriber.engines.tts.base import Manner, Tts
from transcriber.engines.tts.openai import OpenAi, OpenAiVoiceOptions
from transcriber.errors import EngineError


def engine(url: str, **settings: Any) -> OpenAi:
    wanted = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "k"} | settings
    return OpenAi(OpenAiVoiceOptions.model_validate(wanted))


class TestRequests(TtsConformance):
    @pytest.fixture
    async def tts(self) -> AsyncIterator[Tts]:
        async with fake.speech() as server, engine(server.url) as tts:
            yield tts


class TestAnOlderModel(TtsConformance):
    @pytest.fixture
    async def tts(self) -> AsyncIterator[Tts]:
        async with fake.speech() as server, engine(server.url, OPENAI_TTS_MODEL="tts-1") as tts:
            yield tts


async def test_everything_that_is_wished_is_sent() -> None:
    settings = {"OPENAI_TTS_MODEL": "tts-1-hd", "OPENAI_TTS_VOICE": "nova"}
    async with fake.speech() as server, engine(server.url, **settings) as tts:
        await heard(tts, TEXT)
        await heard(tts, TEXT, Manner("onyx", speed=1.5))
    usual = {"model": "tts-1-hd", "input": TEXT, "voice": "nova", "response_format": "pcm"}
    assert server.bodies == [usual, usual | {"voice": "onyx", "speed": 1.5}]
    assert [seen["Authorization"] for seen in server.headers] == ["Bearer k"] * 2


@pytest.mark.parametrize(
    ("content_type", "rate"),
    [
        ("audio/pcm; rate=16000", 16_000),
        ("audio/wav", 22_050),
        ("application/octet-stream", 24_000),
    ],
)
async def test_the_rate_is_that_of_the_answer(content_type: str, rate: int) -> None:
    answers = fake.speech(content_type=content_type, rate=rate)
    async with answers as server, engine(server.url) as tts:
        assert seconds(await heard(tts, TEXT)) == pytest.approx(len(say(TEXT)) / 24_000, abs=0.01)


async def test_what_is_not_samples_is_refused() -> None:
    async with fake.speech(content_type="audio/mpeg") as server, engine(server.url) as tts:
        with pytest.raises(EngineError, match="the answer is audio/mpeg, not samples"):
            await heard(tts, TEXT)


async def test_a_service_of_ones_own_has_its_own_voices_and_needs_no_key() -> None:
    async with fake.speech() as server, engine(server.url, OPENAI_API_KEY="") as tts:
        assert tts.unusable() == ""
        await heard(tts, TEXT, Manner("af_heart"))
    assert server.bodies[0]["voice"] == "af_heart"
    ours = OpenAi(OpenAiVoiceOptions.model_validate({}))
    assert "OPENAI_API_KEY" in ours.unusable()
    assert not ours.info.knows("af_heart")


@pytest.mark.parametrize("name", ["OPENAI_TTS_MODEL", "OPENAI_TTS_VOICE", "OPENAI_BASE_URL"])
def test_the_settings_make_the_voice(name: str) -> None:
    other = engine("http://a", **{name: "http://other"})
    assert other.voiceprint(Manner()) != engine("http://a").voiceprint(Manner())


QUOTA = json.dumps({"error": {"code": "insufficient_quota", "message": "You are out of money"}})
TROUBLE: dict[str, tuple[Mischief, str]] = {
    "wrong key": (Mischief(status=401), "auth"),
    "no money": (Mischief(status=429, body=QUOTA), "quota"),
    "too many requests": (Mischief(status=429, headers={"Retry-After": "7"}), "busy"),
    "unknown model": (Mischief(status=404), "bad_request"),
    "another place": (Mischief(status=307, headers={"Location": "/elsewhere"}), "bad_request"),
    "crashed": (Mischief(status=500), "engine"),
    "cut off": (Mischief(cut_after=2), "network"),
    "hangs at once": (Mischief(cold=60), "timeout"),
    "hangs": (Mischief(hang_after=2), "timeout"),
}


@pytest.mark.parametrize("what", TROUBLE)
async def test_trouble_is_told_by_what_it_means(what: str) -> None:
    mischief, kind = TROUBLE[what]
    mischief.times = 1
    async with fake.speech(mischief) as server, engine(server.url) as tts:
        with impatient(online, "ANSWER", kind), pytest.raises(EngineError) as failed:
            await heard(tts, TEXT * 20)
        assert failed.value.kind == kind
        assert failed.value.retry_after == (7 if mischief.headers.get("Retry-After") else None)
        assert len(await heard(tts, TEXT))


async def test_nobody_there_is_told() -> None:
    async with engine("http://127.0.0.1:9") as tts:
        with pytest.raises(EngineError) as failed:
            await heard(tts, TEXT)
    assert failed.value.kind == "network"
    with pytest.raises(EngineError, match="has not been entered"):
        await heard(engine("http://127.0.0.1:9"), TEXT)
