"""Which engine hears which language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.engines.stt.policy import Policy
from transcriber.errors import Misconfigured

EXAMPLE = "en,fr -> kyutai, else local, fallback openai"


@pytest.mark.parametrize("text", [EXAMPLE, "en,fr->kyutai;else local;fallback openai;"])
@pytest.mark.parametrize(
    ("language", "engines"),
    [
        ("en", ("kyutai", "openai")),
        ("fr-CA", ("kyutai", "openai")),
        ("de", ("local", "openai")),
    ],
)
def test_a_language_has_its_engines_in_order(
    text: str, language: str, engines: tuple[str, ...]
) -> None:
    assert Policy.parse(text).order(language) == engines


def test_a_name_alone_is_for_every_language() -> None:
    policy = Policy.parse("local")
    assert policy.order("en") == policy.order("xx") == ("local",)


def test_several_names_are_tried_in_turn() -> None:
    assert Policy.parse("kyutai, local").order("en") == ("kyutai", "local")


def test_a_regional_language_can_have_engines_of_its_own() -> None:
    policy = Policy.parse("pt-BR -> deepgram; pt -> vosk")
    assert (policy.order("pt-BR"), policy.order("pt-PT")) == (("deepgram",), ("vosk",))


def test_without_else_other_languages_have_none() -> None:
    assert Policy.parse("en -> local").order("de") == ()


def test_every_engine_is_named_once() -> None:
    policy = Policy.parse("en -> a, b; fr -> b; else a, c; fallback b")
    assert policy.engines == ("a", "b", "c")
    assert policy.order("en") == ("a", "b")


@pytest.mark.parametrize(
    "text",
    ["", " ; ", "-> local", "en ->", "english please -> local", "en -> Lo cal", "else", "a > b"],
)
def test_what_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Misconfigured, match="ASR_BACKEND") as refusal:
        Policy.parse(text)
    assert "en,fr -> kyutai" in str(refusal.value)


@given(st.text(alphabet="enfrlocalse->,; back", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        policy = Policy.parse(text)
    except Misconfigured:
        return
    assert policy.engines
    assert set(policy.order("en")) <= set(policy.engines)
