"""The GPU recogniser, against our own service and against what Kyutai's server says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from modal_app.auth import Access
from modal_app.decode import OpusPackets
from modal_app.loopback import say
from tests.conformance.stt import SttConformance, finals, hear, text
from tests.peers.engines.ear import NAMES, SENTENCE
from tests.peers.engines.kyutai import own_service, stock_server
from tests.peers.engines.server import Mischief
from tests.peers.gpu_service import running
from transcriber.audio.block import SAMPLES, Block, silence
from transcriber.engines.stt.base import Partial, SpeechStarted, StreamOptions, Stt, TurnEnded
from transcriber.engines.stt.gpu import GpuService
from transcriber.engines.stt.kyutai import Kyutai, KyutaiOptions
from transcriber.errors import EngineError


def options(**settings: str) -> KyutaiOptions:
    return KyutaiOptions.model_validate(settings)


def quiet() -> Block:
    """Silence that the loopback engine takes for a pause."""
    block = silence()
    block[1] = 0.9
    return block


class TestTheRealService(SttConformance):
    """Everything but the model is what runs on the GPU."""

    pause = tuple(quiet() for _ in range(15))
    audio = "f32"

    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with (
            running(slots=8, access=Access(key="wk", secret="ws")) as service,
            Kyutai(
                options(
                    STT_STREAM_URL=f"{service.url.replace('http', 'ws')}/v1/stream",
                    MODAL_KEY="wk",
                    MODAL_SECRET="ws",
                    KYUTAI_AUDIO=self.audio,
                )
            ) as stt,
        ):
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return list(say("hello dear friend").reshape(-1, SAMPLES))

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return ["hello", "dear", "friend"]


class TestTheRealServiceWithHalfTheBandwidth(TestTheRealService):
    audio = "s16"


class TestTheRealServiceAsMoshi(TestTheRealService):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with running(slots=8, access=Access(token="t")) as service:
            url = f"{service.url.replace('http', 'ws')}/api/asr-streaming"
            settings = {"STT_STREAM_URL": url, "KYUTAI_API_KEY": "t", "KYUTAI_PROTOCOL": "moshi"}
            async with Kyutai(options(**settings)) as stt:
                yield stt


class TestOwnService(SttConformance):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with own_service() as server, Kyutai(options(STT_STREAM_URL=ws(server.url))) as stt:
            yield stt

    @pytest.fixture
    def sentence(self) -> Sequence[Block]:
        return SENTENCE

    @pytest.fixture
    def said(self) -> Sequence[str]:
        return NAMES


class TestStockServer(TestOwnService):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with stock_server() as server:
            settings = {"STT_STREAM_URL": ws(server.url), "KYUTAI_PROTOCOL": "moshi"}
            async with Kyutai(options(**settings)) as stt:
                yield stt


def ws(url: str) -> str:
    return url.replace("http", "ws")


async def test_words_come_as_they_are_said_and_turns_end() -> None:
    async with own_service() as server, Kyutai(options(STT_STREAM_URL=ws(server.url))) as stt:
        heard = await hear(stt, [*SENTENCE, *[silence()] * 6])
    kinds = [type(event) for event in heard]
    assert kinds[0] is SpeechStarted
    assert kinds.count(Partial) == 12
    assert kinds[-1] is TurnEnded


async def test_half_the_bandwidth_is_asked_for_and_sent() -> None:
    async with own_service() as server:
        settings = {"STT_STREAM_URL": ws(server.url), "KYUTAI_AUDIO": "s16"}
        async with Kyutai(options(**settings)) as stt:
            assert text(await hear(stt, SENTENCE)).split() == NAMES
        assert [request.query.get("format", "") for request in server.requests] == ["", "s16"]
        assert len(server.heard[0]) == 2 * SAMPLES


async def test_opus_is_asked_for_and_sent_a_packet_a_block() -> None:
    """The made-up service hears levels, which Opus does not keep: here it only takes packets in."""
    tone = np.sin(np.arange(20 * SAMPLES) * 440 * 2 * np.pi / 24_000).astype(np.float32) * 0.5
    async with own_service(Mischief(times=2, hang_after=20)) as server:
        settings = {"STT_STREAM_URL": ws(server.url), "KYUTAI_AUDIO": "opus"}
        async with Kyutai(options(**settings)) as stt, stt.open(StreamOptions()) as stream:
            for block in tone.reshape(-1, SAMPLES):
                stream.push(block)
            async with asyncio.timeout(10):
                while len(server.heard) < 20:  # noqa: ASYNC110 - it hangs up after them
                    await asyncio.sleep(0.02)
            server.stuck.set()
    assert server.requests[-1].query["format"] == "opus"
    packets, ears = [said for said in server.heard if isinstance(said, bytes)], OpusPackets()
    heard = np.concatenate([ears.read(packet) for packet in packets])
    assert sum(map(len, packets)) < tone.nbytes / 20
    assert np.abs(len(heard) - len(tone)) < SAMPLES
    spectrum = np.abs(np.fft.rfft(heard[SAMPLES:]))
    pitch = spectrum.argmax() * 24_000 / (len(heard) - SAMPLES)
    assert pitch == pytest.approx(440, abs=5)


async def test_half_the_bandwidth_is_taken_as_soon_as_it_is_offered() -> None:
    async with running(slots=1) as service:
        url = f"{ws(service.url)}/v1/stream"
        async with Kyutai(options(STT_STREAM_URL=url)) as stt:
            for form in ("f32", "s16"):
                assert await stt._agreed(StreamOptions()) == form
                assert text(await hear(stt, list(say("hello").reshape(-1, SAMPLES)))) == "hello"


@pytest.mark.parametrize("wanted", ["s16", "opus"])
async def test_who_does_not_offer_a_form_of_audio_gets_floats(wanted: str) -> None:
    async with own_service(formats=()) as server:
        settings = {"STT_STREAM_URL": ws(server.url), "KYUTAI_AUDIO": wanted}
        async with Kyutai(options(**settings)) as stt:
            for _ in range(2):
                assert text(await hear(stt, SENTENCE)).split() == NAMES
        assert [request.query.get("format") for request in server.requests] == [None] * 3


async def test_after_a_failure_it_is_asked_anew_what_is_offered() -> None:
    async with own_service() as server:
        settings = {"STT_STREAM_URL": ws(server.url), "KYUTAI_AUDIO": "s16"}
        async with Kyutai(options(**settings)) as stt:
            await hear(stt, SENTENCE)
            server.mischief = Mischief(times=1, status=503)
            with pytest.raises(EngineError):
                await hear(stt, SENTENCE)
            await hear(stt, SENTENCE)
        asked = [request.query.get("format", "") for request in server.requests]
        assert asked == ["", "s16", "s16", "", "s16"]


async def test_the_modal_proxy_is_shown_both_headers() -> None:
    secrets = {"MODAL_KEY": "wk-1", "MODAL_SECRET": "ws-1"}
    async with own_service() as server:
        async with Kyutai(options(STT_STREAM_URL=ws(server.url), **secrets)) as stt:
            await hear(stt, [])
        headers = server.requests[0].headers
    assert (headers["Modal-Key"], headers["Modal-Secret"]) == ("wk-1", "ws-1")
    assert "kyutai-api-key" not in headers


async def test_a_gpu_is_woken_by_a_request_that_takes_no_place_on_it() -> None:
    async with running(slots=1, access=Access(key="wk", secret="ws")) as service:
        secrets = {"MODAL_KEY": "wk", "MODAL_SECRET": "ws"}
        url = f"{ws(service.url)}/v1/stream"
        kyutai = Kyutai(options(STT_STREAM_URL=url, **secrets))
        async with kyutai as stt, stt.open(StreamOptions()):
            await stt.wake(StreamOptions())


async def test_waking_nobody_says_so() -> None:
    async with Kyutai(options(STT_STREAM_URL="ws://127.0.0.1:9/v1/stream")) as stt:
        with pytest.raises(EngineError) as nobody:
            await stt.wake(StreamOptions())
    assert nobody.value.kind == "network"


async def test_a_full_service_says_when_to_come_again() -> None:
    async with running(slots=1) as service:
        url = f"{ws(service.url)}/v1/stream"
        async with Kyutai(options(STT_STREAM_URL=url)) as stt, stt.open(StreamOptions()):
            with pytest.raises(EngineError) as full:
                await hear(stt, SENTENCE)
    assert full.value.kind == "busy"
    assert full.value.retry_after


async def test_a_wrong_key_is_told_at_once() -> None:
    async with running(access=Access(token="right")) as service:
        url = f"{ws(service.url)}/v1/stream"
        async with Kyutai(options(STT_STREAM_URL=url, KYUTAI_API_KEY="wrong")) as stt:
            with pytest.raises(EngineError, match="check the key") as refused:
                await hear(stt, [])
    assert not refused.value.retryable


async def test_flushing_moshi_costs_no_time_of_the_speaker() -> None:
    async with stock_server() as server:
        settings = {"STT_STREAM_URL": ws(server.url), "KYUTAI_PROTOCOL": "moshi"}
        async with Kyutai(options(**settings)) as stt, stt.open(StreamOptions()) as stream:
            for block in SENTENCE[:3]:
                stream.push(block)
            stream.flush()
            for block in SENTENCE[3:6]:
                stream.push(block)
            stream.close()
            heard = [event async for event in stream]
    first, second = finals(heard)
    assert (first.text, second.text) == ("one two three", "four five six")
    assert np.allclose([first.start, first.end, second.start, second.end], [0, 0.24, 0.24, 0.48])


def test_an_address_is_needed() -> None:
    assert "MODAL_WORKSPACE" in Kyutai(options()).unusable()
    assert Kyutai(options(MODAL_WORKSPACE="acme")).unusable() == ""


async def test_our_own_service_says_how_it_is() -> None:
    now = 0.0
    async with running(slots=8, access=Access(key="wk", secret="ws")) as service:
        url = f"{service.url.replace('http', 'ws')}/v1/stream"
        gpu = GpuService(
            Kyutai(options(STT_STREAM_URL=url, MODAL_KEY="wk", MODAL_SECRET="ws")),
            now=lambda: now,
        )
        assert gpu.url == f"{service.url}/metrics"
        first = await gpu.look()
        assert (first.slots, first.used) == (8, 0)
        assert await gpu.look() is first
        now += 10
        assert (await gpu.look()).up > first.up
        with pytest.raises(EngineError) as refused:
            await GpuService(Kyutai(options(STT_STREAM_URL=url))).look()
        assert refused.value.code == "engine_auth"
    assert not GpuService(Kyutai(options())).url
    assert not GpuService(Kyutai(options(STT_STREAM_URL=url, KYUTAI_PROTOCOL="moshi"))).url
