from __future__ import annotations

import asyncio
import json

import aiohttp
import av
import numpy as np
import pytest

from modal_app.auth import Access
from modal_app.hub import Hub
from modal_app.loopback import Loopback, say
from modal_app.protocol import (
    FRAME,
    RATE,
    End,
    Error,
    Flushed,
    Ready,
    Samples,
    Segment,
    Step,
)
from tests.peers.gpu_service import running, words
from tests.peers.service import status


def quiet(score: float) -> Samples:
    """A frame of silence that the loopback engine judges with this pause score."""
    frame = np.zeros(FRAME, np.float32)
    frame[1] = score
    return frame


async def test_words_come_with_times_and_a_pause_ends_the_segment() -> None:
    async with running() as service, service.stream() as client:
        await client.ws.send_bytes(say("hello there").tobytes() + quiet(0.9).tobytes())
        ready, *said = [await client.next() for _ in range(5)]
        ended = await client.finish()

    assert isinstance(ready, Ready)
    assert words(said) == ["hello", "there"]
    segment = said[-1]
    assert isinstance(segment, Segment)
    assert segment.text == "hello there"
    assert ended == [End("ended")]


async def test_a_client_that_knows_only_the_three_fields_has_live_words_and_segments() -> None:
    live: list[str] = []
    segments: list[str] = []
    pauses = 0
    async with (
        running() as service,
        service.http.ws_connect(f"{service.url}/v1/stream") as ws,
    ):
        for text in ("good morning", "bye"):
            await ws.send_bytes(say(text).tobytes())
            await ws.send_bytes(quiet(0.9).tobytes())
        await ws.send_bytes(b"EOS")
        async for message in ws:
            body = json.loads(message.data)
            text, final, vad_end = body["text"], body["final"], body["vad_end"]
            if text:
                (segments if final else live).append(text)
            pauses += vad_end

    assert live == ["good", "morning", "bye"]
    assert segments == ["good morning", "bye"]
    assert pauses == 2


async def test_a_flush_brings_what_is_waiting_and_says_which_flush_it_was() -> None:
    async with running() as service, service.stream() as client:
        await client.ws.send_bytes(say("wait")[:-FRAME].tobytes())
        await client.ws.send_str('{"type": "flush", "id": 42}')

        assert await client.until(Flushed) == Flushed(42, "wait")


async def test_progress_is_told_only_to_who_asked() -> None:
    audio = say("word").tobytes()
    async with running() as service:
        async with service.stream(steps="1") as client:
            await client.ws.send_bytes(audio)
            asked = await client.finish()
        async with service.stream() as client:
            await client.ws.send_bytes(audio)
            others = await client.finish()

    steps = [message for message in asked if isinstance(message, Step)]
    assert [step.index for step in steps[:6]] == [1, 2, 3, 4, 5, 6]
    assert len(steps[0].scores) == 4
    assert not any(isinstance(message, Step) for message in others)


async def test_int16_is_understood_when_it_is_asked_for() -> None:
    audio = (say("half the traffic") * 32767).astype("<i2").tobytes()
    async with running() as service, service.stream(format="s16") as client:
        await client.ws.send_bytes(audio)

        assert words(await client.finish()) == ["half", "the", "traffic"]


def opus_packets(seconds: float) -> list[bytes]:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
    tone = np.sin(np.arange(int(seconds * 48_000)) * 0.05) * 9_000
    packets = []
    for begin in range(0, len(tone) - 959, 960):
        samples = tone[begin : begin + 960].astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, begin
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


async def test_opus_packets_keep_the_clock_even_when_some_are_damaged() -> None:
    packets = opus_packets(2.0)
    packets[10:20] = [b"\xff" * 40] * 5 + [b"\x00" * 3_000] * 5
    async with running() as service, service.stream(format="opus", steps="1") as client:
        for packet in packets:
            await client.ws.send_bytes(packet)
        await client.ws.send_bytes(b"")
        await client.ws.send_str('{"type": "flush"}')
        heard = 0
        while not isinstance(message := await client.next(), Flushed):
            heard += isinstance(message, Step)

    flushing = 3
    assert heard - flushing == pytest.approx(2.0 * RATE / FRAME, abs=2)


async def test_a_format_that_is_not_known_is_refused_in_words() -> None:
    async with running() as service, service.stream(format="mp3") as client:
        (problem,) = await client.rest()

    assert isinstance(problem, Error)
    assert "f32, s16 or opus" in problem.message
    assert client.ws.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_who_comes_while_all_slots_are_taken_is_told_when_to_come_again() -> None:
    async with running(slots=1) as service, service.stream() as first:
        await first.until(Ready)
        async with service.stream() as second:
            (problem,) = await second.rest()
        await first.ws.send_bytes(say("unharmed").tobytes())
        said = await first.finish()

    assert problem == Error("all 1 slots are in use", 2.0)
    assert second.ws.close_code == aiohttp.WSCloseCode.TRY_AGAIN_LATER
    assert words(said) == ["unharmed"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer token"},
        {"Modal-Key": "key", "Modal-Secret": "secret"},
        {"kyutai-api-key": "token"},
    ],
)
async def test_the_secret_opens_the_stream(headers: dict[str, str]) -> None:
    access = Access("token", "key", "secret")
    async with running(access=access) as service:
        url = f"{service.url}/v1/stream"
        async with service.http.ws_connect(url, headers=headers) as ws:
            assert json.loads(await ws.receive_str())["type"] == "ready"


async def test_without_the_secret_there_is_only_health() -> None:
    async with running(access=Access("token")) as service:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await service.http.ws_connect(f"{service.url}/v1/stream")
        answers = {
            path: await status(service.http, service.url + path)
            for path in ("/health", "/ready", "/metrics", "/v1/models", "/nowhere")
        }

    assert refusal.value.status == 401
    assert answers == {
        "/health": 200,
        "/ready": 200,
        "/metrics": 401,
        "/v1/models": 401,
        "/nowhere": 401,
    }


async def test_stopping_lets_streams_finish_and_lets_nobody_in() -> None:
    async with running(grace=5.0) as service:
        async with service.stream() as client:
            await client.until(Ready)
            draining = asyncio.create_task(service.hub.drain(5.0))
            await asyncio.sleep(0)
            async with service.stream() as late:
                (refusal,) = await late.rest()
            ready = await status(service.http, f"{service.url}/ready")
            await client.ws.send_bytes(say("last words").tobytes())
            said = await client.finish()
        await asyncio.wait_for(draining, 5)

    assert isinstance(refusal, Error)
    assert refusal.retry_after is not None
    assert ready == 503
    assert words(said) == ["last", "words"]


async def test_who_is_still_there_after_the_grace_is_told() -> None:
    async with running() as service, service.stream() as client:
        await client.until(Ready)
        service.work.cancel()

        assert await client.rest() == [End("shutdown")]


async def test_a_crash_of_the_engine_is_told_to_everybody_and_ends_the_service() -> None:
    engine = Loopback(2)
    async with running(engine=engine) as service:
        async with service.stream() as one, service.stream() as other:
            await one.until(Ready)
            await other.until(Ready)

            def crash() -> Samples:
                raise RuntimeError("CUDA error")

            engine.step = crash  # type: ignore[method-assign]
            await one.ws.send_bytes(bytes(4 * FRAME))
            ends = [await one.rest(), await other.rest()]
        with pytest.raises(RuntimeError, match="engine has failed"):
            await asyncio.wait_for(service.work, 5)
        async with service.http.get(f"{service.url}/health") as health:
            body = await health.json()

    assert ends == [[End("engine failed")]] * 2
    assert (health.status, body["status"]) == (503, "failed")


async def test_who_waits_for_a_slot_has_it_when_it_is_free() -> None:
    async def slot_of_next(hub: Hub) -> int:
        async with hub.open(patience=5.0) as line:
            return line.slot

    async with running(slots=1) as service, service.hub.open(patience=5.0) as first:
        waiting = asyncio.create_task(slot_of_next(service.hub))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        first.abort("gone")
        assert await waiting == first.slot


async def test_figures_are_there_for_prometheus() -> None:
    async with running() as service:
        async with service.stream() as client:
            await client.ws.send_bytes(say("counted words").tobytes())
            await client.finish()
        async with service.http.get(f"{service.url}/metrics") as answer:
            text = await answer.text()
        async with service.http.get(f"{service.url}/v1/models") as answer:
            models = await answer.json()

    assert "stt_words_total 2.0" in text
    assert 'stt_step_seconds{quantile="0.99"}' in text
    assert models["data"][0]["id"] == "loopback"
