"""What an engine says it can do, and what follows for a wish."""

import pytest

from transcriber.engines.tts.base import Manner, TtsInfo, Voice, nothing
from transcriber.errors import EngineError

INFO = TtsInfo(
    "polly",
    "A parrot",
    ("en", "pt"),
    voices=(Voice("ann", ("en",)), Voice("rui", ("pt",))),
    more_voices=r"own/\w+",
    speeds=(0.5, 2.0),
)


def test_abilities_are_words() -> None:
    assert INFO.abilities == ("streaming", "speed 0.5-2")
    assert "offline" in TtsInfo("x", "X", ("*",), network=False).abilities


@pytest.mark.parametrize("language", ["en", "pt", "pt-BR"])
def test_a_language_is_known_with_its_regions(language: str) -> None:
    assert INFO.speaks(language)
    assert not INFO.speaks("de")
    assert TtsInfo("x", "X", ("*",)).speaks(language)


@pytest.mark.parametrize(
    ("manner", "problem"),
    [
        (Manner(language="de"), "polly does not speak de; choose one of en, pt"),
        (Manner("eve"), "polly has no voice eve; choose one of ann"),
        (Manner("rui"), "polly does not speak en as rui; choose one of ann"),
        (Manner(speed=3), "polly speaks at speeds from 0.5 to 2, not 3"),
    ],
)
def test_what_it_cannot_do_is_refused_with_what_it_can(manner: Manner, problem: str) -> None:
    assert not INFO.able(manner)
    with pytest.raises(EngineError) as refused:
        INFO.demand(manner)
    assert str(refused.value) == problem
    assert refused.value.kind == "bad_request"


@pytest.mark.parametrize("manner", [Manner(), Manner("own/me", "pt-BR", 2.0)])
def test_what_it_can_do_is_not(manner: Manner) -> None:
    assert INFO.able(manner)
    INFO.demand(manner)


def test_the_voice_is_the_wished_one_or_the_usual_one_or_one_of_the_language() -> None:
    assert INFO.voice(Manner("ann", "pt"), usual="rui") == "ann"
    assert INFO.voice(Manner(language="pt"), usual="own/me") == "own/me"
    assert INFO.voice(Manner(language="pt-BR")) == "rui"
    assert INFO.voice(Manner(language="de")) == ""


async def test_nothing_is_heard_of_nothing() -> None:
    assert [samples async for samples in nothing()] == []
