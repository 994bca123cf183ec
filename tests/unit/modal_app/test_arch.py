from __future__ import annotations

from modal_app.arch import ARCHS, LICENCE


def test_the_published_models_are_known_by_their_names() -> None:
    assert set(ARCHS) == {"stt-1b-en_fr", "stt-2.6b-en", "tiny"}
    assert all(name == arch.name for name, arch in ARCHS.items())


def test_only_the_small_model_and_the_tiny_one_have_pause_heads() -> None:
    assert {name: arch.heads for name, arch in ARCHS.items()} == {
        "stt-1b-en_fr": 4,
        "stt-2.6b-en": 0,
        "tiny": 4,
    }


def test_a_flush_pushes_out_the_whole_delay_of_each_model() -> None:
    assert ARCHS["stt-1b-en_fr"].rules.tail == 8
    assert ARCHS["stt-2.6b-en"].rules.tail == 33
    assert ARCHS["stt-2.6b-en"].rules.lead == 14


def test_the_licence_of_the_weights_is_named() -> None:
    assert "CC-BY 4.0" in LICENCE
    assert "Kyutai" in LICENCE
