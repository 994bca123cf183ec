"""Which engines there are."""

import pytest

from transcriber import engines
from transcriber.errors import Misconfigured


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
