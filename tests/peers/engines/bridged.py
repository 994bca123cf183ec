"""
Deepgram's plugin through the bridge, against what Deepgram's documentation says it sends.

Runs in an interpreter that has the plugin: `tests/peers/test_engine_bridge.py` sees to that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
from livekit import rtc  # noqa: F401 - its threads are not those of a test
from livekit.plugins import deepgram  # noqa: F401 - plugins want to be imported early

from tests.conformance.stt import SttConformance, finals, hear, text
from tests.peers.engines import deepgram as fake
from tests.peers.engines.ear import NAMES, SENTENCE
from tests.peers.engines.server import Mischief
from transcriber.audio.block import Block, silence
from transcriber.engines.stt.base import Final, Interrupted, Partial, Stt
from transcriber.engines.stt.bridge import Plugin, bridged
from transcriber.engines.stt.resume import Resuming
from transcriber.errors import EngineError

SETTINGS = {"DG_KEY": "api_key", "DG_URL": "base_url"}
PLUGIN = Plugin("deepgram", "Deepgram", SETTINGS, ("DG_KEY",), extra={"sample_rate": 24_000})
ENGINE = bridged(PLUGIN)


def engine(url: str) -> Stt:
    return ENGINE(ENGINE.Options.model_validate({"DG_KEY": "k", "DG_URL": url}))


class TestBridgedDeepgram(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with fake.nova() as server, engine(server.url) as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return SENTENCE

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return NAMES


async def test_interims_finals_and_words_come_through() -> None:
    async with fake.nova() as server, engine(server.url) as stt:
        heard = await hear(stt, [*SENTENCE, *[silence()] * 6])
    assert sum(isinstance(event, Partial) for event in heard) >= 3
    (final,) = [event for event in heard if isinstance(event, Final)]
    assert [word.text for word in final.words] == NAMES
    assert final.language == "en"


@pytest.mark.parametrize("trouble", [{"cut_after": 8}, {"close_after": 8}, {"status": 503}])
async def test_every_word_comes_once_although_the_provider_fails(trouble: dict[str, int]) -> None:
    mischief = Mischief(times=1, **trouble)  # type: ignore[arg-type]
    async with fake.nova(mischief) as server, engine(server.url) as stt:
        heard = await hear(Resuming(stt), [*SENTENCE, *[silence()] * 6], paced=True)
    assert text(heard).lower().strip(".").split() == NAMES
    assert sum(isinstance(event, Interrupted) for event in heard) == 1
    assert len(finals(heard)) == 1


async def test_a_wrong_key_is_told_at_once() -> None:
    async with fake.nova(Mischief(times=9, status=401)) as server, engine(server.url) as stt:
        with pytest.raises(ExceptionGroup) as refused:
            await hear(Resuming(stt), SENTENCE)
    (problem,) = refused.value.exceptions
    assert isinstance(problem, EngineError)
    assert problem.kind == "auth"
