"""Which engines there are."""

import sys
from typing import Any

import pytest

from transcriber import engines
from transcriber.engines import plugins
from transcriber.errors import Misconfigured

WAYS = ("rest", "realtime")


def test_every_registered_recogniser_can_be_described_without_loading_it() -> None:
    for name in engines.stt_names():
        kind = engines.stt(name)
        assert kind.info.name == name
        assert kind.info.languages
        kind(kind.Options()).unusable()


def test_every_registered_voice_can_be_described_without_loading_it() -> None:
    for name in engines.tts_names():
        kind = engines.tts(name)
        engine = kind(kind.Options())
        assert engine.info.name == name
        assert engine.info.languages
        engine.unusable()


def test_every_registered_language_model_can_be_described_without_opening_it() -> None:
    for name in engines.llm_names():
        kind = engines.llm(name)
        engine = kind(kind.Options())
        assert engine.info.name == name
        assert engine.info.abilities == ("streaming", "tools")
        assert engine.unusable()


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(Misconfigured, match=r"ASR_BACKEND.*'kaldi'.*local"):
        engines.stt("kaldi")
    with pytest.raises(Misconfigured, match=r"TTS_BACKEND.*'polly'.*local"):
        engines.tts("polly")
    with pytest.raises(Misconfigured, match=r"LLM_BACKEND.*'eliza'.*openai"):
        engines.llm("eliza")


def test_abilities_are_words() -> None:
    assert "offline" in engines.stt("local").info.abilities
    assert "turns" not in engines.stt("local").info.abilities


def test_the_rate_at_which_a_recogniser_hears_is_told() -> None:
    assert "16 kHz" in engines.stt("local").info.abilities
    assert "24 kHz" in engines.stt("kyutai").info.abilities
    kind = engines.stt("openai")
    rates = [kind(kind.Options(OPENAI_STT_MODE=way)).info.sample_rate for way in WAYS]
    assert rates == [16_000, 24_000]


@pytest.mark.parametrize("kind", [engines.stt("aws"), engines.tts("aws")])
def test_a_plugin_that_needs_a_newer_python_says_so_instead_of_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    monkeypatch.setattr(plugins, "_installed", lambda package: False)
    engine = kind(kind.Options(AWS_REGION="eu-central-1", AWS_POLLY_VOICE="Ruth"))
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))
    assert engine.unusable() == "livekit-plugins-aws needs Python 3.12"
    monkeypatch.setattr(sys, "version_info", (3, 12, 0))
    assert engine.unusable() == "not installed: pip install 'livekit-plugins-aws==1.8.*'"
