"""The embedded recogniser with models of every kind: tiny ones, run by the real library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.conformance.stt import SttConformance, finals, hear, text
from tests.peers.engines.tiny_models import COUNTED, build
from tests.peers.speech import blocks
from transcriber.audio.block import SAMPLES, Block, silence
from transcriber.engines.models import Kind
from transcriber.engines.stt import sherpa
from transcriber.engines.stt.base import Final, Partial, StreamOptions, Stt
from transcriber.engines.stt.local import Local, LocalOptions
from transcriber.errors import EngineError

PAUSE = [silence()] * 15
KINDS: tuple[Kind, ...] = ("nemo", "sense-voice", "whisper", "zipformer", "zipformer-streaming")


def local(*models: str) -> Local:
    return Local(LocalOptions.model_validate({"LOCAL_MODELS": ",".join(models)}))


def own(kind: Kind, folder: Path) -> str:
    return f"{kind}={build(kind, folder / kind)}"


def noise(count: int) -> list[Block]:
    rng = np.random.default_rng(1)
    return [(rng.standard_normal(SAMPLES) * 0.1).astype(np.float32) for _ in range(count)]


class Speaking(SttConformance):
    """Real speech, in which each model hears what it always says."""

    kind: Kind

    @pytest.fixture
    async def stt(self, tmp_path: Path) -> AsyncIterator[Stt]:
        async with local(own(self.kind, tmp_path)) as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return blocks(13.9, 17.3)

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return ["hello", "world"]


class TestParakeet(Speaking):
    kind: Kind = "nemo"


class TestSenseVoice(Speaking):
    kind: Kind = "sense-voice"


class TestWhisper(Speaking):
    kind: Kind = "whisper"


class TestZipformer(Speaking):
    kind: Kind = "zipformer"


class TestStreamingZipformer(Speaking):
    kind: Kind = "zipformer-streaming"

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return noise(15)

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return COUNTED[:6]


async def test_whisper_is_told_the_language(tmp_path: Path) -> None:
    async with local(own("whisper", tmp_path)) as stt:
        speech = [*blocks(13.9, 17.3), *PAUSE]
        said = [text(await hear(stt, speech, StreamOptions(code))) for code in ("de", "en-GB")]
    assert said == ["Hallo Welt.", "Hello world."]


async def test_only_a_few_languages_of_whisper_are_kept(tmp_path: Path) -> None:
    whisper = sherpa.load("whisper", build("whisper", tmp_path))
    assert isinstance(whisper, sherpa.Whisper)
    for language in ("en", "de", "", "en", "de"):
        whisper(np.zeros(16_000, np.float32), language)
    assert list(whisper._made) == ["", "en", "de"]


async def test_the_first_model_that_knows_the_language_hears_it(tmp_path: Path) -> None:
    async with local("moonshine-tiny-en", own("whisper", tmp_path)) as stt:
        assert stt.info.languages == ("en", "*")
        speech = [*blocks(13.9, 17.3), *PAUSE]
        english = text(await hear(stt, speech, StreamOptions("en")))
        assert "amiable" in english
        assert text(await hear(stt, speech, StreamOptions("de"))) == "Hallo Welt."
        name = f"whisper={tmp_path / 'whisper'}"
        assert text(await hear(stt, speech, StreamOptions("en", model=name))) == "Hello world."
        with pytest.raises(EngineError, match=r"whisper-tiny is not there.*LOCAL_MODELS"):
            await hear(stt, speech, StreamOptions(model="whisper-tiny"))


async def test_words_have_the_times_that_the_model_gives(tmp_path: Path) -> None:
    async with local(own("nemo", tmp_path)) as stt:
        (final,) = finals(await hear(stt, [*PAUSE, *blocks(13.9, 17.3), *PAUSE]))
    hello, world = final.words
    assert (hello.text, world.text) == ("Hello", "world.")
    assert final.start <= hello.start < world.start < final.end
    assert not hello.estimated


@pytest.mark.parametrize("kind", ["zipformer", "zipformer-streaming"])
async def test_words_without_capitals_and_full_stops_are_marked(kind: Kind, tmp_path: Path) -> None:
    async with local(own(kind, tmp_path)) as stt:
        assert not stt.info.punctuation
        heard = await hear(stt, [*blocks(13.9, 17.3), *PAUSE], paced=True)
    said = [event for event in heard if isinstance(event, Partial | Final)]
    assert said
    assert all(event.bare and event.text == event.text.lower() for event in said)


async def test_a_model_that_hears_word_by_word_shows_words_as_they_come(tmp_path: Path) -> None:
    async with local(own("zipformer-streaming", tmp_path)) as stt:
        heard = await hear(stt, [*noise(15), *PAUSE], paced=True)
    partials = [event.text for event in heard if isinstance(event, Partial)]
    assert partials == sorted(set(partials), key=len)
    assert len(partials) >= 3


async def test_a_flush_brings_the_last_words_and_times_go_on(tmp_path: Path) -> None:
    async with local(own("zipformer-streaming", tmp_path)) as stt, stt.open(StreamOptions()) as one:
        for blocks_of_one in (noise(13), noise(13)):
            for block in blocks_of_one:
                one.push(block)
                await asyncio.sleep(0)
            one.flush()
        one.close()
        first, second = finals([event async for event in one])
    assert first.text.split()[:5] == second.text.split()[:5] == list(COUNTED[:5])
    assert second.start == pytest.approx(first.start + 13 * 0.08, abs=0.1)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_folder_without_the_files_says_which(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"has no .*tokens"):
        async with local(f"{kind}={tmp_path}"):
            pass
    assert "there is no folder" in local(f"{kind}={tmp_path}/gone").unusable()


@pytest.mark.parametrize("kind", ["nemo", "whisper"])
async def test_files_that_would_end_the_process_only_end_the_trial(
    kind: Kind, tmp_path: Path
) -> None:
    for file in build(kind, tmp_path).glob("*.onnx"):
        file.write_bytes(b"this is no model")
    with pytest.raises(EngineError, match="holds no"):
        async with local(f"{kind}={tmp_path}"):
            pass
