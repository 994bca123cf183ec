"""IBM Watson's voices, against what its documentation says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.conformance.tts import MARKUP, TEXT, TtsConformance, heard
from tests.peers.engines import ibm as accounts
from tests.peers.engines import ibm_voice as fake
from tests.peers.engines.mouth import Asked
from tests.peers.engines.server import Mischief, impatient
from transcriber.engines.tts import online
from transcriber.engines.tts.base import Manner, Tts
from transcriber.engines.tts.ibm import Ibm, IbmVoiceOptions
from transcriber.errors import EngineError


def engine(url: str, iam: str = "http://a", key: str = accounts.KEY) -> Ibm:
    wanted = {"IBM_TTS_API_KEY": key, "IBM_TTS_URL": url, "IBM_IAM_URL": iam}
    return Ibm(IbmVoiceOptions.model_validate(wanted))


@asynccontextmanager
async def speaking(
    mischief: Mischief | None = None, key: str = accounts.KEY
) -> AsyncIterator[tuple[Asked, Tts]]:
    async with (
        accounts.iam() as counter,
        fake.speech(mischief) as asked,
        engine(asked.url, counter.url, key) as tts,
    ):
        yield asked, tts


class TestIbmVoice(TtsConformance):
    @pytest.fixture
    async def tts(self) -> AsyncIterator[Tts]:
        async with speaking() as (_, tts):
            yield tts


async def test_the_voice_follows_from_the_language_and_no_text_is_markup() -> None:
    async with speaking() as (asked, tts):
        await heard(tts, TEXT, Manner(language="de-DE"))
        await heard(tts, MARKUP, Manner("en-GB_JamesV3Voice", "en"))
    assert [query["voice"] for query in asked.queries] == [
        "de-DE_BirgitV3Voice",
        "en-GB_JamesV3Voice",
    ]
    assert "<" not in asked.bodies[1]["text"]


def test_what_is_missing_is_said() -> None:
    assert engine("", key="").unusable() == "not configured: set IBM_TTS_API_KEY and IBM_TTS_URL"
    assert engine("http://a").unusable() == ""
    assert engine("http://a").voiceprint(Manner()) != engine("http://b").voiceprint(Manner())


TROUBLE: dict[str, tuple[Mischief, str]] = {
    "busy": (Mischief(status=429), "busy"),
    "cut off": (Mischief(cut_after=1), "network"),
    "hangs": (Mischief(hang_after=1), "timeout"),
}


@pytest.mark.parametrize("what", TROUBLE)
async def test_trouble_is_told_by_what_it_means(what: str) -> None:
    mischief, kind = TROUBLE[what]
    mischief.times = 1
    async with speaking(mischief) as (_, tts):
        with impatient(online, "ANSWER", kind), pytest.raises(EngineError) as failed:
            await heard(tts, TEXT)
        assert failed.value.kind == kind
        assert len(await heard(tts, TEXT))


async def test_a_wrong_key_is_told_as_such() -> None:
    async with speaking(key="another") as (_, tts):
        with pytest.raises(EngineError, match="no token for this key") as failed:
            await heard(tts, TEXT)
    assert failed.value.kind == "auth"
