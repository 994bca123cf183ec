"""Models that can be fetched."""

import re

from transcriber.engines.models import MODELS, hears


def test_each_is_named_by_a_hash_and_has_a_size_a_licence_and_languages() -> None:
    for name, model in MODELS.items():
        assert model.name == name
        assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
        assert model.megabytes >= 20
        assert model.licence
        assert model.languages


def test_no_two_are_the_same() -> None:
    assert len({model.sha256 for model in MODELS.values()}) == len(MODELS)


def test_a_regional_language_is_also_the_language() -> None:
    assert hears(("pt",), "pt-BR")
    assert hears(("*",), "xx")
    assert not hears(("pt-BR",), "pt")
    assert not hears(MODELS["parakeet-v3"].languages, "ja")


def test_some_hear_word_after_word() -> None:
    assert MODELS["vosk-ru"].streaming
    assert not MODELS["parakeet-v3"].streaming
