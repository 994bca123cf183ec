"""OpenAI and those who are compatible, against what the reference says is sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.conformance.stt import SttConformance, everything, finals, hear, text, words
from tests.peers.engines import openai as fake
from tests.peers.engines.ear import NAMES, SENTENCE
from tests.peers.engines.server import Mischief
from tests.peers.speech import blocks
from transcriber.audio.block import Block, silence
from transcriber.engines.stt import openai
from transcriber.engines.stt.base import Final, Interrupted, StreamOptions, Stt
from transcriber.engines.stt.openai import OpenAi, OpenAiOptions, Realtime
from transcriber.engines.stt.resume import Resuming
from transcriber.errors import EngineError


def engine(url: str, **settings: Any) -> OpenAi:
    wanted = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k"} | settings
    return OpenAi(OpenAiOptions.model_validate(wanted))


def base(url: str) -> str:
    return url.removesuffix("/realtime")


REALTIME = {"OPENAI_STT_MODE": "realtime"}
SPOKEN = blocks(13.9, 17.3)
PAUSE = [silence()] * 15


class TestRequests(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with fake.requests() as server, engine(server.url) as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return SPOKEN

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return words(fake.SAYS)


class TestRealtime(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with fake.realtime() as server, engine(base(server.url), **REALTIME) as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return SENTENCE

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return NAMES


async def test_the_model_the_language_and_the_hints_go_with_each_file() -> None:
    options = StreamOptions("pt-BR", vocabulary=("Janus", "Talk"))
    model = {"OPENAI_STT_MODEL": "whisper-1"}
    async with fake.requests() as server, engine(server.url, **model) as stt:
        await hear(stt, [*SPOKEN, *PAUSE], options)
    assert server.keys == ["Bearer k"]
    assert server.forms == [
        {"model": "whisper-1", "language": "pt", "response_format": "json", "prompt": "Janus, Talk"}
    ]


async def test_a_speaker_may_have_another_model() -> None:
    async with fake.requests() as server, engine(server.url) as stt:
        await hear(stt, [*SPOKEN, *PAUSE], StreamOptions(model="whisper-large"))
    assert server.forms[0]["model"] == "whisper-large"


async def test_a_service_of_ones_own_needs_no_key() -> None:
    async with fake.requests() as server, engine(server.url, OPENAI_API_KEY="") as stt:
        assert stt.unusable() == ""
        assert text(await hear(stt, SPOKEN)) == fake.SAYS
    assert server.keys == [""]
    assert "OPENAI_API_KEY" in OpenAi(OpenAiOptions.model_validate({})).unusable()


MISCHIEF: dict[str, tuple[dict[str, Any], str]] = {
    "the connection breaks": ({"cut_after": 1}, "engine_network"),
    "it hangs": ({"hang_after": 1}, "engine_timeout"),
    "it answers nonsense": ({"garbage_after": 1}, "engine_engine"),
    "it is overloaded": ({"status": 503}, "engine_busy"),
    "it is asked too often": ({"status": 429, "headers": {"Retry-After": "1"}}, "engine_busy"),
}


@pytest.mark.parametrize("what", MISCHIEF)
async def test_every_word_of_a_request_comes_once_although(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if what == "it hangs":
        monkeypatch.setattr(openai, "ANSWER", 3.0)
    trouble, code = MISCHIEF[what]
    async with fake.requests(Mischief(times=1, **trouble)) as server, engine(server.url) as stt:
        heard = await hear(Resuming(stt), [*SPOKEN, *PAUSE])
    assert text(heard) == fake.SAYS
    assert [event.code for event in heard if isinstance(event, Interrupted)] == [code]


QUOTA = json.dumps({"error": {"code": "insufficient_quota", "message": "You are out of money"}})


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (Mischief(times=1, status=401), "auth"),
        (Mischief(times=1, status=402), "quota"),
        (Mischief(times=1, status=429, body=QUOTA), "quota"),
        (Mischief(times=1, status=400, body="[]"), "bad_request"),
    ],
)
async def test_what_cannot_be_helped_says_so(trouble: Mischief, kind: str) -> None:
    async with (
        fake.requests(trouble) as server,
        engine(server.url) as stt,
        Resuming(stt).open(StreamOptions()) as stream,
    ):
        for block in [*SPOKEN, *PAUSE]:
            stream.push(block)
        with pytest.raises(EngineError) as refused:
            await everything(stream)
    assert refused.value.kind == kind


async def test_a_session_that_expires_is_opened_anew() -> None:
    dialect = Realtime(StreamOptions(), "m")
    expired = {"type": "error", "error": {"code": "session_expired", "message": "60 minutes"}}
    assert not dialect.over
    assert list(dialect.heard(json.dumps(expired))) == []
    assert dialect.over


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "invalid_request_error", "code": "bad_model", "message": "m"}, "bad_request"),
        ({"type": "server_error", "code": None, "message": "m"}, "engine"),
        ({"type": "x", "code": "rate_limit_exceeded", "message": "m"}, "busy"),
    ],
)
def test_errors_of_a_session_are_told_by_what_they_mean(error: dict[str, Any], kind: str) -> None:
    with pytest.raises(EngineError) as told:
        list(Realtime(StreamOptions(), "m").heard(json.dumps({"type": "error", "error": error})))
    assert told.value.kind == kind


def test_sentences_recognised_out_of_order_are_told_in_order() -> None:
    dialect = Realtime(StreamOptions(), "m")
    name = "conversation.item.input_audio_transcription"

    def event(kind: str, item: str, **more: object) -> list[Any]:
        return list(dialect.heard(json.dumps({"type": kind, "item_id": item} | more)))

    for item, start in (("a", 0), ("b", 1_000)):
        event("input_audio_buffer.speech_started", item, audio_start_ms=start)
        event("input_audio_buffer.speech_stopped", item, audio_end_ms=start + 900)
    assert event(f"{name}.delta", "b", delta="two") == []
    assert event(f"{name}.completed", "b", transcript="two") == []
    told = event(f"{name}.completed", "a", transcript="one")
    assert [(final.text, final.start) for final in finals(told)] == [("one", 0.0), ("two", 1.0)]
    assert all(isinstance(one, Final) for one in told)


async def test_the_session_is_configured_before_audio_is_sent() -> None:
    model = {"OPENAI_STT_MODEL": "gpt-4o-transcribe"}
    options = StreamOptions("fr", vocabulary=("Janus",))
    async with fake.realtime() as server, engine(base(server.url), **model, **REALTIME) as stt:
        await hear(stt, SENTENCE, options)
    wanted = json.loads(server.heard[0])["session"]["audio"]["input"]
    assert wanted["transcription"] == {
        "model": "gpt-4o-transcribe", "language": "fr", "prompt": "Janus",
    }  # fmt: skip
    assert wanted["format"] == {"type": "audio/pcm", "rate": 24_000}
