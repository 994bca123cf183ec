"""
Deepgram's plugin through the bridges, against what Deepgram's documentation says it sends.

Runs in an interpreter that has the plugin: `tests/peers/test_engine_bridge.py` sees to that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace

import pytest
from livekit import rtc  # noqa: F401 - its threads are not those of a test
from livekit.plugins.deepgram import stt  # plugins want to be imported early

from tests.conformance.stt import SttConformance, finals, hear, text
from tests.conformance.tts import TEXT, TtsConformance, heard
from tests.fakes.stt import FakeStt
from tests.faults.test_engines import MISCHIEF, counted, live, said
from tests.peers.engines import deepgram as fake
from tests.peers.engines import deepgram_voice as aura
from tests.peers.engines.ear import NAMES, SENTENCE
from tests.peers.engines.server import Mischief
from transcriber.audio.block import Block, silence
from transcriber.engines.plugins import Plugin
from transcriber.engines.stt import mute
from transcriber.engines.stt.base import Final, Interrupted, Partial, Stt
from transcriber.engines.stt.bridge import bridged
from transcriber.engines.stt.fallback import choose
from transcriber.engines.stt.members import Members
from transcriber.engines.stt.policy import Policy
from transcriber.engines.stt.resume import Resuming
from transcriber.engines.tts import bridge as voices
from transcriber.engines.tts.base import Manner, Tts, Voice
from transcriber.errors import EngineError

SETTINGS = {"DG_KEY": "api_key", "DG_URL": "base_url"}
PLUGIN = Plugin("deepgram", "Deepgram", SETTINGS, ("DG_KEY",), extra={"sample_rate": 24_000})
ENGINE = bridged(PLUGIN)

SPEAKER = voices.bridged(
    voices.Provider(
        Plugin("deepgram", "Aura", SETTINGS | {"DG_VOICE": "model"}, ("DG_KEY",), kind="TTS"),
        Voice("aura-2-andromeda-en", ("en",)),
        voice="model",
    )
)


def engine(url: str) -> Stt:
    return ENGINE(ENGINE.Options.model_validate({"DG_KEY": "k", "DG_URL": url}))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its end the plugin waits for its next sign of life, which comes every five seconds."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.1))

    monkeypatch.setattr(stt, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))


class TestBridgedDeepgram(SttConformance):
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


async def test_interims_finals_and_words_come_through() -> None:
    async with fake.nova() as server, engine(server.url) as stt:
        heard = await hear(stt, [*SENTENCE, *[silence()] * 6])
    assert sum(isinstance(event, Partial) for event in heard) >= 3
    (final,) = [event for event in heard if isinstance(event, Final)]
    assert [word.text for word in final.words] == NAMES
    assert final.language == "en"


@pytest.mark.parametrize("what", [what for what in MISCHIEF if "hangs" not in what])
async def test_every_word_comes_once_although(what: str) -> None:
    """Plugins keep to themselves when they may come again, and what nonsense they were told."""
    trouble, code = MISCHIEF[what]
    async with fake.nova(Mischief(times=1, **trouble)) as server:
        heard = await live(Resuming(engine(server.url)))
    assert said(heard) == NAMES
    assert len(finals(heard)) == 1
    told = [event.code for event in heard if isinstance(event, Interrupted)]
    assert told == ([] if "nonsense" in what else [code])


@pytest.mark.parametrize("trouble", [{"slow": 0.03}, {"cold": 0.6}])
async def test_a_provider_may_take_its_time(trouble: dict[str, float]) -> None:
    mischief = Mischief(times=1, **trouble)  # type: ignore[arg-type]
    async with fake.nova(mischief) as server:
        heard = await live(Resuming(engine(server.url)))
    assert said(heard) == NAMES
    assert not any(isinstance(event, Interrupted) for event in heard)


@pytest.mark.parametrize(("status", "kind"), [(401, "auth"), (402, "quota"), (404, "bad_request")])
async def test_what_cannot_be_helped_is_told_and_not_tried_again(status: int, kind: str) -> None:
    async with fake.nova(Mischief(times=9, status=status)) as server:
        with pytest.raises(EngineError) as refused:
            await live(Resuming(engine(server.url)))
    assert refused.value.kind == kind
    assert server.connections == 1


@pytest.mark.parametrize(
    "trouble", [{"status": 402}, {"cut_after": 8}, {"hang_after": 8}, {"mute_after": 8}]
)
async def test_another_takes_over(trouble: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Plugins notice a hang after half a minute; we, when nothing comes of what is said."""
    monkeypatch.setattr(mute, "MUTE", 0.4)
    spare, speech = FakeStt(), [*SENTENCE] * 6
    mischief = Mischief(times=99, **trouble)  # type: ignore[arg-type]
    async with fake.nova(mischief) as server:
        members = Members({"first": engine(server.url), "spare": spare}.__getitem__)
        heard = await live(choose(Policy.parse("first, spare"), members), speech)
    assert text(heard) == counted(speech)


def voice(url: str, **settings: str) -> Tts:
    return SPEAKER(SPEAKER.Options.model_validate({"DG_KEY": "k", "DG_URL": url} | settings))


class TestBridgedVoice(TtsConformance):
    @pytest.fixture
    async def tts(self) -> AsyncIterator[Tts]:
        async with aura.speech() as asked, voice(f"{asked.url}/v1/speak") as tts:
            yield tts


async def test_it_speaks_as_the_voice_that_is_wished_and_no_text_is_markup() -> None:
    async with aura.speech() as asked, voice(f"{asked.url}/v1/speak") as tts:
        await heard(tts, "<speak>One</speak>", Manner("aura-2-viktoria-de", "de"))
        await heard(tts, TEXT)
        with pytest.raises(EngineError, match="no usual voice for de"):
            await heard(tts, TEXT, Manner(language="de"))
    assert [query["model"] for query in asked.queries] == [
        "aura-2-viktoria-de",
        "aura-2-andromeda-en",
    ]
    assert "<" not in asked.bodies[0]["text"]
    assert asked.headers[0]["Authorization"] == "Token k"


async def test_settings_make_the_voice_and_keys_are_no_part_of_its_print() -> None:
    german = voice("http://a", DG_VOICE="aura-2-viktoria-de")
    assert german.voiceprint(Manner()) != voice("http://a").voiceprint(Manner())
    assert german.voiceprint(Manner()) != voice("http://b").voiceprint(Manner())
    assert voice("http://a", DG_KEY="x").voiceprint(Manner()) == voice("http://a").voiceprint(
        Manner()
    )


TROUBLE = {
    "wrong key": (Mischief(status=401), "auth"),
    "too much": (Mischief(status=429), "busy"),
    "cut off": (Mischief(cut_after=1), "network"),
}


@pytest.mark.parametrize("what", TROUBLE)
async def test_trouble_of_a_voice_is_told_by_what_it_means(what: str) -> None:
    mischief, kind = TROUBLE[what]
    mischief.times = 1
    async with aura.speech(mischief) as asked, voice(f"{asked.url}/v1/speak") as tts:
        with pytest.raises(EngineError) as failed:
            await heard(tts, TEXT)
        assert failed.value.kind == kind
        assert len(await heard(tts, TEXT))


async def test_nothing_is_said_before_a_voice_is_entered() -> None:
    with pytest.raises(EngineError, match="not been entered"):
        await heard(voice("http://a"), TEXT)
