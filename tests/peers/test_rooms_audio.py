"""The sound of a room for other programs: what people say goes out, and a voice comes in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.peers.rtc import tone, until
from tests.peers.test_rooms_protocol import House, house

RATE = 16_000


class Program:
    """Another program with a WebSocket to a room."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        self.sound: dict[int, list[np.ndarray[Any, Any]]] = {}

    async def read(self) -> None:
        async for frame in self.socket:
            if frame.type is aiohttp.WSMsgType.TEXT:
                self.told.append(json.loads(frame.data))
            else:
                number, _ = struct.unpack_from("<HI", frame.data)
                self.sound.setdefault(number, []).append(np.frombuffer(frame.data, "<i2", -1, 6))

    def find(self, type_: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["type"] == type_]

    def heard(self, number: int) -> float:
        return sum(map(len, self.sound.get(number, []))) / RATE

    def pitch(self, number: int) -> float:
        samples = np.concatenate(self.sound[number])[-RATE:]
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        return float(np.argmax(spectrum)) * RATE / len(samples)


@contextlib.asynccontextmanager
async def program(place: House, what: str, token: str) -> AsyncIterator[Program]:
    path = f"/api/v1/rooms/{place.room}/{what}"
    bearer = {"Authorization": f"Bearer {token}"}
    async with place.http.ws_connect(path, headers=bearer) as socket, asyncio.TaskGroup() as tasks:
        one = Program(socket)
        tasks.create_task(one.read())
        yield one
        await socket.close()


async def test_a_program_hears_everybody_apart_and_speaks_to_all() -> None:
    async with house() as place:
        await place.open()
        ann, bo = await place.visitor("Ann"), await place.visitor("Bo")
        await ann.publish()
        ann.sender.play(tone(120.0, 600))
        listens, speaks = await place.token("join", "subscribe"), await place.token(name="Robot")
        async with (
            program(place, f"listen?rate={RATE}", listens) as ear,
            program(place, f"play?rate={RATE}", speaks) as mouth,
        ):
            await until(lambda: len(ear.find("speaker")) == 2, "speakers")
            numbers = {one["name"]: one["number"] for one in ear.find("speaker")}
            await until(lambda: ear.heard(numbers["Ann"]) > 1.6, "what Ann says")
            assert ear.pitch(numbers["Ann"]) == pytest.approx(600, abs=5)
            sound = np.sin(2 * np.pi * 1_000 * np.arange(3 * RATE) / RATE)
            await mouth.socket.send_bytes((8_000 * sound).astype("<i2").tobytes())
            await mouth.socket.send_json({"type": "mark", "id": "done"})
            track = ear.find("speaker")[numbers["Robot"] - 1]["track_id"]
            await until(lambda: bo.hear(track).seconds > 1.6, "what the program says")
            assert bo.hear(track).frequency() == pytest.approx(1_000, abs=5)
            await until(lambda: bool(mouth.find("played")), "the end of it")
            assert mouth.find("played") == [{"type": "played", "id": "done", "whole": True}]
            assert ear.pitch(numbers["Robot"]) == pytest.approx(1_000, abs=5)
            for wrong in ("?", '{"type": "sing"}'):
                await mouth.socket.send_str(wrong)
            await mouth.socket.send_bytes(b"x")
            await until(lambda: len(mouth.find("error")) == 3, "errors")
            await mouth.socket.close()
            await until(lambda: bool(ear.find("gone")), "its leaving")
            async with place.http.delete(
                f"/api/v1/rooms/{place.room}", headers={"Authorization": "Bearer s3cret"}
            ):
                await until(lambda: bool(ear.find("closed")), "the end")


async def test_a_program_without_the_grant_hears_and_says_nothing() -> None:
    async with house() as place:
        await place.open()
        foreign = await place.token()
        await place.open()
        lacking = {"listen": ("join", "publish"), "play": ("join", "subscribe")}
        for what, grants in lacking.items():
            assert await _refusal(place, what, foreign) == 401
            assert await _refusal(place, what, await place.token(*grants)) == 403
            assert await _refusal(place, what, await place.token("publish", "subscribe")) == 403
            assert await _refusal(place, f"{what}?rate=1", await place.token()) == 422
        await place.open(e2ee=True)
        for what in lacking:
            assert await _refusal(place, what, await place.token()) == 403


async def _refusal(place: House, what: str, token: str) -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with program(place, what, token):
            pass
    return refused.value.status
