"""
The protocol of Kyutai's `moshi-server`: what its published clients send, byte for byte, and the
published client itself where `KYUTAI_CLIENT` names it (it is a script in Kyutai's repository
`delayed-streams-modeling`, in no package registry).
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import wave
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiohttp
import msgpack
import numpy as np
import pytest
import websockets

from modal_app.auth import Access
from modal_app.batcher import Limits
from modal_app.loopback import say
from modal_app.protocol import FRAME, RATE, Samples
from tests.peers.gpu_service import Running, running
from tests.peers.test_gpu_service_stream import opus_packets

TOKEN = {"kyutai-api-key": "public_token"}


def audio_message(samples: Samples | list[float]) -> bytes:
    """What Kyutai's clients send, in their own words."""
    body = {"type": "Audio", "pcm": [float(x) for x in samples]}
    packed: bytes = msgpack.packb(body, use_single_float=True)
    return packed


def moshi(service: Running) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
    return service.http.ws_connect(f"{service.url}/api/asr-streaming")


async def test_a_conversation_as_kyutais_file_client_has_it() -> None:
    async with running(access=Access("public_token")) as service:
        url = f"ws://127.0.0.1:{service.port}/api/asr-streaming"
        # Their client does not read after the marker, so its closing waits in vain for an answer.
        options: dict[str, Any] = {"additional_headers": TOKEN, "close_timeout": 0.5}
        async with websockets.connect(url, **options) as socket:
            transcript = await asyncio.wait_for(_both(socket, say("hello there")), 20)

    assert [word["text"] for word in transcript] == ["hello", "there"]
    starts = [start for word in transcript for start in word["timestamp"]]
    assert starts == sorted(starts), starts
    assert 0.8 < starts[0] < starts[-1] < 1.0 + 13 * FRAME / RATE


async def _both(socket: websockets.ClientConnection, speech: Samples) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]]
    _, heard = await asyncio.gather(_send(socket, speech), _receive(socket))
    return heard


async def _send(socket: websockets.ClientConnection, speech: Samples) -> None:
    silence = [0.0] * RATE
    await socket.send(audio_message(silence))
    for begin in range(0, len(speech), FRAME):
        await socket.send(audio_message(speech[begin : begin + FRAME]))
    for _ in range(5):
        await socket.send(audio_message(silence))
    await socket.send(msgpack.packb({"type": "Marker", "id": 0}, use_single_float=True))
    for _ in range(35):
        await socket.send(audio_message(silence))


async def _receive(socket: websockets.ClientConnection) -> list[dict[str, Any]]:
    transcript: list[dict[str, Any]] = []
    async for message in socket:
        match msgpack.unpackb(message, raw=False):
            case {"type": "Word", "text": text, "start_time": start}:
                transcript.append({"text": text, "timestamp": [start, start]})
            case {"type": "EndWord", "stop_time": stop}:
                transcript[-1]["timestamp"][1] = stop
            case {"type": "Marker"}:
                break
    return transcript


async def test_the_first_message_is_ready_and_progress_is_told_for_each_frame() -> None:
    async with running() as service, moshi(service) as ws:
        for _ in range(3):
            await ws.send_bytes(audio_message([0.0] * FRAME))
        said = [msgpack.unpackb(await ws.receive_bytes()) for _ in range(4)]

    assert said[0] == {"type": "Ready"}
    assert [message["step_idx"] for message in said[1:]] == [1, 2, 3]
    assert all(len(message["prs"]) == 4 for message in said[1:])


async def test_the_key_may_come_in_the_address() -> None:
    async with running(access=Access("public_token")) as service:
        url = f"{service.url}/api/asr-streaming"
        async with service.http.ws_connect(url, params={"auth_id": "public_token"}) as ws:
            assert msgpack.unpackb(await ws.receive_bytes()) == {"type": "Ready"}
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await service.http.ws_connect(url, params={"auth_id": "guess"})

    assert refusal.value.status == 401


async def test_text_is_ignored_and_what_is_no_message_ends_the_stream() -> None:
    async with running() as service, moshi(service) as ws:
        await ws.send_str("hello?")
        await ws.send_bytes(msgpack.packb({"type": "Init"}))
        await ws.send_bytes(b"\xc1")
        said = [msgpack.unpackb(message.data) async for message in ws]

    assert [message["type"] for message in said if message["type"] != "Step"] == ["Ready", "Error"]


async def test_opus_in_an_ogg_stream_is_heard(tmp_path: Path) -> None:
    ogg = _ogg(opus_packets(2.0))
    async with running() as service, moshi(service) as ws:
        for begin in range(0, len(ogg), 1_000):
            piece = {"type": "OggOpus", "data": ogg[begin : begin + 1_000]}
            await ws.send_bytes(msgpack.packb(piece))
        await ws.send_bytes(msgpack.packb({"type": "Marker", "id": 9}))
        steps = 0
        while (message := msgpack.unpackb(await ws.receive_bytes()))["type"] != "Marker":
            steps += message["type"] == "Step"

    assert message["id"] == 9
    assert steps - 3 == pytest.approx(25, abs=2)


def _ogg(packets: list[bytes]) -> bytes:
    from tests.unit.modal_app.test_ogg import page

    head = b"OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"
    return b"".join(page([packet]) for packet in (head, b"OpusTags", *packets))


async def test_a_full_service_says_so_in_its_own_language() -> None:
    async with running(slots=1) as service, service.stream() as first:
        await first.next()
        async with service.http.ws_connect(f"{service.url}/api/asr-streaming") as ws:
            said = msgpack.unpackb(await ws.receive_bytes())

    assert said == {"type": "Error", "message": "all 1 slots are in use"}


async def test_an_ended_stream_says_why() -> None:
    async with running(limits=Limits(idle=0.2)) as service, moshi(service) as ws:
        said = [msgpack.unpackb(message.data) async for message in ws]

    assert said == [{"type": "Ready"}, {"type": "Error", "message": "idle"}]


async def test_a_file_can_be_posted() -> None:
    async with running(access=Access("public_token")) as service:
        url = f"{service.url}/api/asr-streaming"
        body = _wav(say("posted words"))
        async with service.http.post(url, data=body, headers=TOKEN) as answer:
            words = await answer.json()
        async with service.http.get(f"{service.url}/api/build_info", headers=TOKEN) as build:
            about = await build.json()

    assert [w["text"] for w in words if w["type"] == "Word"] == ["posted", "words"]
    assert [w["type"] for w in words] == ["Word", "EndWord"] * 2
    assert about == {"model": "loopback"}


def _wav(samples: Samples) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


async def test_kyutais_own_client_works_unchanged(tmp_path: Path) -> None:
    script = os.environ.get("KYUTAI_CLIENT")
    if not script:
        pytest.skip("KYUTAI_CLIENT does not name Kyutai's transcribe_from_file_via_rust_server.py")
    path = tmp_path / "speech.wav"
    silence = np.zeros(3 * RATE, np.float32)
    path.write_bytes(_wav(np.concatenate([say("hello there"), silence])))
    async with running(access=Access("public_token")) as service:
        output = await _run(service, script, str(path))

    assert "hello there" in output
    assert "'text': 'there'" in output


async def _run(service: Running, script: str, path: str) -> str:
    python = os.environ.get("KYUTAI_PYTHON", sys.executable)
    url = f"ws://127.0.0.1:{service.port}"
    command = (python, script, path, "--url", url, "--rtf", "100")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    return output.decode()
