"""
Clients that do what they should not: each ends as documented, the others notice nothing, and memory
stays flat.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import struct
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from modal_app import protocol, sockets
from modal_app.batcher import Limits
from modal_app.loopback import Loopback, say
from modal_app.protocol import FRAME, RATE, End, Error, Message, Ready, Samples
from tests.peers.gpu_service import Client, Running, running, words

GROWTH = 24 << 20
"""Bytes the process may grow by: what its allocator keeps, and no client's data."""


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def witness(service: Running) -> AsyncIterator[None]:
    """A stream that goes on beside the bad one; all its words must arrive, soon."""
    async with service.stream() as client:
        await client.until(Ready)
        over = asyncio.Event()

        async def talk() -> int:
            said = 0
            while not over.is_set():
                await client.ws.send_bytes(say("word").tobytes())
                said += 1
                await asyncio.sleep(0.02)
            return said

        talking = asyncio.create_task(talk())
        try:
            yield
        finally:
            over.set()
            said = await talking
        heard = words(await client.finish())
    assert heard == ["word"] * said


async def freed(service: Running, slots: int) -> None:
    """Wait until so many slots are taken."""
    async with asyncio.timeout(10):
        while service.hub.batcher is None or service.hub.batcher.used != slots:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_client_that_sends_nothing_is_let_go_and_told() -> None:
    async with (
        running(limits=Limits(idle=2.0)) as service,
        witness(service),
        service.stream() as client,
    ):
        ready, end = await client.rest()

    assert isinstance(ready, Ready)
    assert end == End("idle")
    assert client.ws.close_code == aiohttp.WSCloseCode.OK


async def test_a_flood_is_slowed_down_and_loses_nothing() -> None:
    class Slow(Loopback):
        def step(self) -> Samples:
            threading.Event().wait(0.002)
            return super().step()

    text = " ".join(["flood"] * 300)
    audio = say(text).tobytes()
    limits = Limits(backlog=2.0)
    async with (
        running(engine=Slow(4), limits=limits) as service,
        witness(service),
        service.stream() as client,
    ):
        await client.until(Ready)
        before, most = resident(), 0.0

        async def flood() -> None:
            nonlocal most
            for begin in range(0, len(audio), 1 << 19):
                await client.ws.send_bytes(audio[begin : begin + (1 << 19)])
                batcher = service.hub.batcher
                assert batcher is not None
                most = max(most, batcher.stats.backlog)
            await client.ws.send_str('{"type": "end"}')

        flooding = asyncio.create_task(flood())
        said = await asyncio.wait_for(_everything(client), 30)
        await flooding

    assert words(said) == text.split()
    assert said[-1] == End("ended", text)
    assert most < 2.0 + (1 << 19) / 4 / RATE + 0.1
    assert resident() - before < GROWTH


async def _everything(client: Client) -> list[Message]:
    return [protocol.decode(message.data) async for message in client.ws]


async def test_a_message_of_a_gigabyte_is_refused_before_it_is_read() -> None:
    before = resident()
    async with running() as service, witness(service):
        reader, writer = await _upgraded(service)
        writer.write(struct.pack(">BBQ4s", 0x82, 0xFF, 1 << 30, b"mask") + bytes(100))
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await freed(service, 1)

    assert b"at most 1048576 bytes" in answer
    assert struct.pack(">H", aiohttp.WSCloseCode.MESSAGE_TOO_BIG) in answer
    assert resident() - before < GROWTH


async def _upgraded(service: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a WebSocket by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(
        b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def test_bytes_that_are_no_websocket_end_only_their_own_connection() -> None:
    async with running() as service, witness(service):
        reader, writer = await _upgraded(service)
        writer.write(b"\xff" * 64)
        assert b"well formed" in await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await freed(service, 1)


async def test_text_where_bytes_belong_is_answered_and_changes_nothing() -> None:
    async with running() as service, service.stream() as client:
        await client.until(Ready)
        await client.ws.send_str("hello")
        problem = await client.next()
        await client.ws.send_bytes(say("still fine").tobytes())

        assert isinstance(problem, Error)
        assert "binary messages" in problem.message
        assert words(await client.finish()) == ["still", "fine"]


@pytest.mark.parametrize("cut", [1, 3, 4 * FRAME + 2])
async def test_half_a_sample_waits_for_its_other_half(cut: int) -> None:
    audio = say("whole").tobytes()
    async with running() as service, service.stream() as client:
        await client.ws.send_bytes(audio[:cut])
        await client.ws.send_bytes(audio[cut:])
        await client.ws.send_bytes(b"\x00\x01")

        assert words(await client.finish()) == ["whole"]


async def test_garbage_as_audio_is_heard_as_garbage_and_harms_nobody() -> None:
    rng = np.random.default_rng(1)
    async with running() as service, witness(service), service.stream() as client:
        for _ in range(50):
            await client.ws.send_bytes(rng.bytes(4 * FRAME))
        await client.ws.send_bytes(np.full(FRAME, np.nan, "<f4").tobytes())
        said = await client.finish()

    assert isinstance(said[-1], End)
    assert said[-1].reason == "ended"


async def test_a_client_that_drops_in_the_middle_of_a_word_frees_its_slot() -> None:
    async with running() as service, witness(service):
        _, writer = await _upgraded(service)
        audio = say("unfinished")[: 4 * FRAME].tobytes()
        writer.write(struct.pack(">BBH4s", 0x82, 0xFE, len(audio) & 0xFFFF, b"\0\0\0\0") + audio)
        await writer.drain()
        await freed(service, 2)
        writer.transport.abort()
        await freed(service, 1)


async def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "PATIENCE", 0.5)
    before = resident()
    async with running() as service, witness(service):
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(raw, ("127.0.0.1", service.port))
            await loop.sock_sendall(
                raw,
                b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade"
                b"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                b"Sec-WebSocket-Version: 13\r\n\r\n",
            )
            question = struct.pack(">BB4s", 0x81, 0x81, b"\0\0\0\0") + b"?"
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(_ask_for_ever(raw, question * 1_000), 20)
            await freed(service, 1)

    assert resident() - before < GROWTH


async def _ask_for_ever(raw: socket.socket, questions: bytes) -> None:
    """Each question is answered with a hundred bytes that nobody reads."""
    while True:
        await asyncio.get_running_loop().sock_sendall(raw, questions)


async def test_a_thousand_clients_too_many_are_all_told_and_the_others_go_on() -> None:
    before = resident()
    async with running(slots=1) as service, witness(service):
        gate = asyncio.Semaphore(100)

        async def try_once() -> tuple[object, int | None]:
            async with gate, service.stream() as client:
                (problem,) = await client.rest()
                return problem, client.ws.close_code

        answers = await asyncio.gather(*(try_once() for _ in range(1_000)))
        batcher = service.hub.batcher
        assert batcher is not None
        rejected = batcher.stats.rejected

    refusal = (Error("all 1 slots are in use", 2.0), aiohttp.WSCloseCode.TRY_AGAIN_LATER)
    assert set(answers) == {refusal}
    assert rejected == 1_000
    assert resident() - before < GROWTH
