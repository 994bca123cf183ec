"""ElevenLabs' voices, against what the reference says is sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conformance.tts import TEXT, TtsConformance, heard
from tests.peers.engines import elevenlabs_voice as fake
from tests.peers.engines.server import Mischief, impatient
from transcriber.engines.stt.wire import Message
from transcriber.engines.tts import online
from transcriber.engines.tts.base import Manner, Tts
from transcriber.engines.tts.elevenlabs import ElevenLabs, ElevenLabsOptions, Stream
from transcriber.errors import EngineError


def engine(url: str = "", **settings: Any) -> ElevenLabs:
    host = url.partition("/v1/")[0]
    wanted = {"ELEVENLABS_BASE_URL": host, "ELEVENLABS_API_KEY": "k"} | settings
    return ElevenLabs(ElevenLabsOptions.model_validate(wanted))


class TestStream(TtsConformance):
    @pytest.fixture
    async def tts(self) -> AsyncIterator[Tts]:
        async with fake.speech() as server, engine(server.url) as tts:
            yield tts


async def test_everything_that_is_wished_is_sent() -> None:
    settings = {"ELEVENLABS_VOICE": "EXAVITQu4vr4xnSDxMaL"}
    async with fake.speech() as server, engine(server.url, **settings) as tts:
        await heard(tts, TEXT, Manner(language="pt-BR", speed=1.1))
    (request,) = server.requests
    assert request.match_info["voice"] == "EXAVITQu4vr4xnSDxMaL"
    assert request.query["model_id"] == "eleven_flash_v2_5"
    assert request.query["language_code"] == "pt"
    assert request.headers["xi-api-key"] == "k"
    assert [json.loads(message) for message in server.heard] == [
        {"text": " ", "voice_settings": {"speed": 1.1}}, {"text": f"{TEXT} "}, {"text": ""},
    ]  # fmt: skip


async def test_a_model_that_finds_the_language_out_is_not_told() -> None:
    settings = {"ELEVENLABS_TTS_MODEL": "eleven_multilingual_v2"}
    async with fake.speech() as server, engine(server.url, **settings) as tts:
        await heard(tts, TEXT, Manner(language="de"))
    assert "language_code" not in server.requests[0].query


def test_an_english_model_speaks_english() -> None:
    assert engine(ELEVENLABS_TTS_MODEL="eleven_flash_v2").info.languages == ("en",)


def test_without_a_key_it_says_so() -> None:
    assert "ELEVENLABS_API_KEY" in engine(ELEVENLABS_API_KEY="").unusable()


@pytest.mark.parametrize(
    ("name", "value"),
    [("ELEVENLABS_TTS_MODEL", "eleven_multilingual_v2"), ("ELEVENLABS_VOICE", "other")],
)
def test_the_settings_make_the_voice(name: str, value: str) -> None:
    assert engine(**{name: value}).voiceprint(Manner()) != engine().voiceprint(Manner())
    assert engine().voiceprint(Manner(language="de")) != engine().voiceprint(Manner())


TROUBLE: dict[str, tuple[Mischief, str]] = {
    "not let in": (Mischief(status=403), "auth"),
    "overloaded": (Mischief(status=503), "busy"),
    "cut off": (Mischief(cut_after=1), "network"),
    "closed": (Mischief(close_after=1), "network"),
    "nonsense": (Mischief(garbage_after=1), "engine"),
    "hangs": (Mischief(hang_after=2), "timeout"),
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


async def test_a_wrong_key_is_told_in_a_message() -> None:
    async with fake.speech() as server, engine(server.url, ELEVENLABS_API_KEY="wrong") as tts:
        with pytest.raises(EngineError, match="Invalid API key") as failed:
            await heard(tts, TEXT)
    assert failed.value.kind == "auth"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"error": "quota_exceeded", "message": "m"}, "quota"),
        ({"error": "voice_not_found"}, "bad_request"),
        ({"error": "something new"}, "engine"),
    ],
)
def test_errors_are_told_by_what_they_mean(message: dict[str, str], kind: str) -> None:
    sent: Message = json.dumps(message)
    with pytest.raises(EngineError) as failed:
        Stream(TEXT, Manner()).heard(sent)
    assert failed.value.kind == kind
