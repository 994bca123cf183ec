"""The voice that everybody hears, as the settings say."""

from __future__ import annotations

import pytest

from tests.fakes.tts import FakeTts, FakeTtsOptions
from transcriber.app import voices
from transcriber.config import load
from transcriber.engines.tts.speaker import Speaker
from transcriber.telemetry import METRICS


def fakes(monkeypatch: pytest.MonkeyPatch, **options: FakeTtsOptions) -> Speaker:
    made = {name: FakeTts(one.model_copy(update={"name": name})) for name, one in options.items()}
    monkeypatch.setattr(voices, "voice_engine", lambda settings, name: made[name])
    return voices.speaker(load({"TTS_BACKEND": ", ".join(options)}))


def told(metric: str, **labels: str) -> float:
    return METRICS.registry.get_sample_value(f"transcriber_voice_{metric}", labels) or 0.0


async def say(speaker: Speaker, text: str) -> None:
    async with speaker.speak(text) as pieces:
        async for _ in pieces:
            pass


async def test_how_soon_it_is_heard_is_measured_apart_from_what_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with fakes(monkeypatch, amy=FakeTtsOptions(opening=0.4)) as speaker:
        await say(speaker, "Good day.")
        await say(speaker, "Good day.")
    for cached, seconds in (("false", 0.4), ("true", 0.0)):
        assert told("first_audio_seconds_count", engine="amy", cached=cached) == 1
        took = told("first_audio_seconds_sum", engine="amy", cached=cached)
        assert took == pytest.approx(seconds, abs=0.01)
        assert told("seconds_total", engine="amy", cached=cached) > 0
    assert told("characters_total", engine="amy") == len("Good day.")


async def test_a_voice_that_goes_down_is_counted_and_the_next_one_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ill = FakeTtsOptions(failures=9, problem="unusable")
    async with fakes(monkeypatch, bea=ill, cid=FakeTtsOptions()) as speaker:
        await say(speaker, "Good day.")
    assert told("failures_total", engine="bea", code="engine_unusable") == 1
    assert told("seconds_total", engine="cid", cached="false") > 0
