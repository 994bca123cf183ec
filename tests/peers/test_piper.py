"""Piper: a tiny voice of its own, said by the real library with the real espeak-ng."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.conformance.tts import TEXT, TtsConformance, heard, seconds
from tests.peers import missing, until
from tests.peers.engines.server import hosting
from tests.peers.engines.tiny_models import build_voice
from transcriber.engines.tts import piper_voices
from transcriber.engines.tts.base import Manner, Tts
from transcriber.engines.tts.espeak import Espeak, EspeakOptions
from transcriber.engines.tts.piper import Piper, PiperOptions
from transcriber.engines.tts.piper_voices import VOICES, PiperVoice
from transcriber.errors import EngineError

NAME = "en_US-tiny-low"


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    if problem := Espeak(EspeakOptions()).unusable():
        missing(problem)


def piper(voices: str, folder: Path = Path("nowhere"), source: str = "") -> Piper:
    settings = {"PIPER_VOICES": voices, "PIPER_FOLDER": str(folder), "PIPER_SOURCE": source}
    return Piper(PiperOptions.model_validate(settings))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return build_voice(tmp_path / f"{NAME}.onnx")


class TestPiper(TtsConformance):
    @pytest.fixture
    async def tts(self, tiny: Path) -> AsyncIterator[Tts]:
        build_voice(tiny.with_name("de_DE-other-low.onnx"), espeak={"voice": "de"})
        async with piper(f"{tiny}, de_DE-other-low", tiny.parent) as tts:
            yield tts


async def test_a_sentence_is_as_long_as_its_phonemes(tiny: Path) -> None:
    async with piper(str(tiny)) as tts:
        assert [one.name for one in tts.info.voices] == [NAME]
        short, long = await heard(tts, "Hi."), await heard(tts, "Hippopotamus.")
        assert seconds(long) > 2 * seconds(short)
        assert seconds(await heard(tts, "42")) > 1.4 * seconds(await heard(tts, "4"))


async def test_voices_of_letters_and_of_many_people_speak_too(tiny: Path) -> None:
    build_voice(tiny.with_name("letters.onnx"), phoneme_type="text", espeak={})
    build_voice(tiny.with_name("crowd.onnx"), num_speakers=3)
    async with piper("letters, crowd", tiny.parent) as tts:
        letters = await heard(tts, "abc.", Manner("letters"))
        assert seconds(letters) == pytest.approx((2 * 5 + 1) * 0.02, abs=0.01)
        assert len(await heard(tts, TEXT, Manner("crowd", "fr")))


async def test_what_is_missing_is_said_before_anything_is_loaded(tiny: Path) -> None:
    assert "PIPER_VOICES" in piper("").unusable()
    assert "there is no voice nobody" in piper("nobody", tiny.parent).unusable()
    assert "cannot be fetched" in piper("de_DE-thorsten-medium").unusable()
    assert piper("de_DE-thorsten-medium", source="http://a").unusable() == ""
    with pytest.raises(EngineError, match="PIPER_VOICES"):
        await piper("").__aenter__()
    with pytest.raises(EngineError, match="not loaded"):
        await heard(piper(str(tiny)), TEXT)


@pytest.mark.parametrize("what", ["model", "description"])
async def test_files_that_are_no_voice_are_refused(tiny: Path, what: str) -> None:
    spoiled = tiny if what == "model" else tiny.with_name(f"{tiny.name}.json")
    spoiled.write_text("{}")
    with pytest.raises(EngineError, match="Piper voice") as refused:
        await piper(str(tiny)).prepare(lambda what, done: None)
    assert refused.value.kind == "unusable"


@dataclass
class Source:
    """A place on the internet where a voice lies."""

    model: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)
    status: int = 200

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.status != 200:
            return web.Response(status=self.status)
        return web.FileResponse(self.model.with_name(request.match_info["file"]))


@asynccontextmanager
async def serving(model: Path) -> AsyncIterator[Source]:
    source = Source(model)
    app = web.Application()
    app.router.add_get("/en/en_US/tiny/low/{file}", source.answer)
    async with hosting(app) as source.url:
        yield source


@pytest.fixture
def known(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny voice can be fetched by its name; returns a folder to keep it in."""
    data = tiny.read_bytes()
    voice = PiperVoice(NAME, hashlib.md5(data, usedforsecurity=False).hexdigest(), len(data))
    monkeypatch.setitem(VOICES, NAME, voice)
    return tiny.parent / "shelf"


async def test_a_voice_is_fetched_once_and_others_may_speak_until_it_is_there(
    tiny: Path, known: Path
) -> None:
    async with serving(tiny) as source:
        async with piper(NAME, known, source.url) as tts:
            with pytest.raises(EngineError, match="being fetched") as soon:
                await heard(tts, TEXT)
            assert (soon.value.kind, soon.value.retryable) == ("busy", True)
            await until(lambda: bool(tts._models))
            assert len(await heard(tts, TEXT))
        told: list[float] = []
        await piper(NAME, known, source.url).prepare(lambda what, done: told.append(done))
        assert told == [1.0]
        assert len(source.asked) == 2
    assert kept(known) == [".json", ".lock", ".onnx"]


def kept(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


async def test_two_who_want_it_at_once_fetch_it_once(
    tiny: Path, known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transcriber.engines.shelf.LOOK", 0.02)
    async with serving(tiny) as source:
        voices = [piper(NAME, known, source.url) for _ in range(3)]
        await asyncio.gather(*(voice.prepare(lambda what, done: None) for voice in voices))
        assert len(source.asked) == 2


async def test_another_file_than_the_one_that_is_meant_is_not_taken(
    tiny: Path, known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VOICES, NAME, replace(VOICES[NAME], md5="0" * 32))
    async with serving(tiny) as source:
        with pytest.raises(EngineError, match="not the voice it was"):
            await piper(NAME, known, source.url).prepare(lambda what, done: None)
    assert kept(known) == [".json", ".lock"]


async def test_a_description_without_end_is_not_read(
    tiny: Path, known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piper_voices, "DESCRIPTION", 100)
    async with serving(tiny) as source:
        with pytest.raises(EngineError, match="larger than 100 bytes"):
            await piper(NAME, known, source.url).prepare(lambda what, done: None)


async def test_a_voice_that_cannot_be_had_says_why_and_is_tried_again(
    tiny: Path, known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 0.05)
    async with serving(tiny) as source:
        source.status = 503
        async with piper(NAME, known, source.url) as tts:
            await until(lambda: bool(tts._problems))
            with pytest.raises(EngineError, match="HTTP 503"):
                await heard(tts, TEXT)
            source.status = 200
            await until(lambda: bool(tts._models))
            assert len(await heard(tts, TEXT))


def test_every_voice_that_can_be_fetched_has_a_place() -> None:
    assert VOICES["it_IT-riccardo-x_low"].address == (
        "it/it_IT/riccardo/x_low/it_IT-riccardo-x_low.onnx"
    )
    assert all(len(voice.md5) == 32 and voice.address for voice in VOICES.values())
