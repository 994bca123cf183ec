"""IBM Watson, against what its documentation says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.conformance.stt import SttConformance, finals, hear
from tests.peers.engines import ibm as fake
from tests.peers.engines.ear import NAMES, SENTENCE
from tests.peers.engines.ibm import Iam
from tests.peers.engines.server import Server
from transcriber.audio.block import SECONDS, Block
from transcriber.engines.stt import ibm
from transcriber.engines.stt.base import Partial, StreamOptions, Stt
from transcriber.engines.stt.ibm import Ibm, IbmOptions
from transcriber.errors import EngineError


def engine(url: str, counter: Iam, **settings: str) -> Ibm:
    wanted = {"IBM_STT_API_KEY": fake.KEY, "IBM_STT_URL": url, "IBM_IAM_URL": counter.url}
    return Ibm(IbmOptions.model_validate(wanted | settings))


@asynccontextmanager
async def listening(**settings: str) -> AsyncIterator[tuple[Server, Iam, Ibm]]:
    async with (
        fake.iam() as counter,
        fake.watson() as server,
        engine(server.url, counter, **settings) as stt,
    ):
        yield server, counter, stt


class TestIbm(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with listening() as (_, _, stt):
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return SENTENCE

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return NAMES


async def test_the_model_follows_from_the_language_unless_one_is_named() -> None:
    async with listening() as (server, _, stt):
        for options in (
            StreamOptions("pt-BR"),
            StreamOptions("en-GB"),
            StreamOptions("de", model="de-DE_Telephony"),
        ):
            await hear(stt, [], options)
    models = [request.query["model"] for request in server.requests]
    assert models == ["pt-BR_Multimedia", "en-GB_Multimedia", "de-DE_Telephony"]


async def test_a_flush_begins_another_recognition_and_times_go_on() -> None:
    async with listening() as (server, _, stt), stt.open(StreamOptions()) as stream:
        for part in (SENTENCE[:3], SENTENCE[3:6]):
            for block in part:
                stream.push(block)
            stream.flush()
        await asyncio.sleep(0.2)
        stream.close()
        first, second = finals([event async for event in stream])
    assert (first.text, second.text) == ("one two three", "four five six")
    assert (second.start, second.end) == (3 * SECONDS, 6 * SECONDS)
    assert (first.confidence, first.words[0].confidence) == (0.9, 0.8)
    actions = [json.loads(said)["action"] for said in server.heard if isinstance(said, str)]
    assert actions == ["start", "stop", "start", "stop", "start", "stop"]


async def test_hesitations_are_no_words() -> None:
    async with listening() as (_, _, stt):
        heard = await hear(stt, SENTENCE)
    said = [event.text for event in heard if isinstance(event, Partial)]
    assert said[0] == "one"


async def test_a_token_serves_many_streams_until_it_ends() -> None:
    async with listening() as (_, counter, stt):
        await asyncio.gather(*(hear(stt, SENTENCE) for _ in range(3)))
        assert counter.sold == 1
        stt._tokens._until = 0.0
        await hear(stt, SENTENCE)
        assert counter.sold == 2


async def test_a_token_that_hardly_lasts_is_not_kept() -> None:
    async with listening() as (_, counter, stt):
        counter.lasts = 60
        for _ in range(2):
            await hear(stt, SENTENCE)
        assert counter.sold == 2


@pytest.mark.parametrize(
    ("settings", "status", "kind"),
    [
        ({"IBM_STT_API_KEY": "wrong"}, 200, "auth"),
        ({}, 429, "busy"),
        ({}, 503, "busy"),
        ({"IBM_IAM_URL": "http://127.0.0.1:9"}, 200, "network"),
    ],
)
async def test_without_a_token_nobody_listens(
    settings: dict[str, str], status: int, kind: str
) -> None:
    async with listening(**settings) as (server, counter, stt):
        counter.status = status
        with pytest.raises(EngineError) as none:
            await hear(stt, SENTENCE)
    assert none.value.kind == kind
    assert server.connections == 0


async def test_a_token_that_cannot_be_read_is_no_token() -> None:
    async with listening() as (_, counter, stt):
        counter.answer = {"token": "x"}
        with pytest.raises(EngineError, match="cannot be read"):
            await hear(stt, SENTENCE)


async def test_a_muted_speaker_keeps_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ibm.Recognitions, "idle", 0.2)
    async with listening() as (server, _, stt):
        async with stt.open(StreamOptions()):
            await asyncio.sleep(0.5)
        assert '{"action": "no-op"}' in server.heard


async def test_what_the_service_says_is_wrong_is_told() -> None:
    recognitions = ibm.Recognitions(StreamOptions())
    with pytest.raises(EngineError, match="unable to transcode"):
        list(recognitions.heard('{"error": "unable to transcode"}'))


def test_it_says_what_is_not_configured() -> None:
    ibm_without = Ibm(IbmOptions.model_validate({}))
    assert ibm_without.unusable() == "not configured: set IBM_STT_API_KEY and IBM_STT_URL"
