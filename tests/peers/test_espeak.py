"""espeak-ng, the program."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.tts import LONG, TtsConformance, heard, pieces, seconds
from tests.load.processes import Tree
from tests.peers import missing
from transcriber.engines.tts.base import Manner, Tts
from transcriber.engines.tts.espeak import Espeak, EspeakOptions
from transcriber.errors import EngineError


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    if problem := Espeak(EspeakOptions()).unusable():
        missing(problem)


class TestEspeak(TtsConformance):
    @pytest.fixture
    async def tts(self) -> AsyncIterator[Tts]:
        async with Espeak(EspeakOptions()) as tts:
            yield tts


class TestInAnotherLanguage(TestEspeak):
    manner = Manner("f2", "pt-BR", 1.2)


async def test_every_language_that_is_listed_is_spoken() -> None:
    async with Espeak(EspeakOptions()) as tts, asyncio.TaskGroup() as group:
        said = {
            language: group.create_task(heard(tts, "1 2", Manner(language=language)))
            for language in tts.info.languages
        }
    assert [language for language, one in said.items() if seconds(one.result()) < 0.2] == []


async def test_a_text_cannot_say_how_its_words_are_pronounced() -> None:
    async with Espeak(EspeakOptions()) as tts:
        phonemes = await heard(tts, "[[f'O@]]")
        assert seconds(phonemes) > 1.5 * seconds(await heard(tts, "four"))


async def test_a_text_that_looks_like_an_option_is_said() -> None:
    async with Espeak(EspeakOptions()) as tts:
        assert seconds(await heard(tts, "--version")) > 0.4


async def test_no_program_is_left_when_nobody_listens() -> None:
    async with Espeak(EspeakOptions()) as tts, tts.speak(LONG * 9, Manner()) as sound:
        await anext(sound)
    assert _children() == []


def _children() -> list[int]:
    return sorted(Tree(os.getpid()).children())


async def test_a_program_that_fails_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "espeak-ng"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    async with Espeak(EspeakOptions()) as tts:
        with pytest.raises(EngineError, match="espeak-ng") as failed:
            await pieces(tts, LONG * 200)
    assert failed.value.kind == "engine"


async def test_without_the_program_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="apt-get install espeak-ng") as refused:
        await Espeak(EspeakOptions()).__aenter__()
    assert refused.value.kind == "unusable"
