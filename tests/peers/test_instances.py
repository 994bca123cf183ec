"""Two instances on one database: any answers for all, and rooms outlive who had them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.peers.postgres import Postgres, postgres
from tests.peers.service import ready

TOKEN = {"Authorization": "Bearer s3cret"}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


class Instance:
    """One of them; kill -9 ends it with all its workers."""

    def __init__(self, process: asyncio.subprocess.Process, http: aiohttp.ClientSession) -> None:
        self._process, self.http = process, http

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)

    async def ask(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        """Call it as a program with the API token does."""
        async with self.http.request(
            method, f"/api/v1{path}", json=body or None, headers=TOKEN
        ) as answer:
            text = await answer.text()
            assert answer.status == status, text
            return json.loads(text) if text else None


@asynccontextmanager
async def instance(server: Postgres, folder: Path, **env: str) -> AsyncIterator[Instance]:
    settings = {"HTTP_PORT": "0", "API_TOKEN": "s3cret", "DATABASE_URL": server.url}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "transcriber", "serve", "--json"),
        env={**os.environ, **settings, "DATA_DIR": str(folder), **env},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout
        async with asyncio.timeout(60):
            url = json.loads(await process.stdout.readline())["url"]
        async with aiohttp.ClientSession(url) as http:
            await ready(http)
            yield Instance(process, http)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_any_instance_answers_for_all_and_rooms_outlive_who_had_them(
    server: Postgres, tmp_path: Path
) -> None:
    async with instance(server, tmp_path) as one, instance(server, tmp_path, WORKERS="1") as two:
        asked = [await each.ask("POST", "/rooms", 201, name="Tea") for each in (one, two) * 4]
        rooms = [room["id"] for room in asked]
        for each in (one, two):
            listed = await each.ask("GET", "/rooms")
            assert [room["id"] for room in listed["items"]] == sorted(rooms)
            for room in rooms:
                assert (await each.ask("GET", f"/rooms/{room}"))["id"] == room
                token = await each.ask("POST", f"/rooms/{room}/tokens", 201, name="Ann")
                joined = await join(two if each is one else one, room, token["token"])
                assert joined["type"] == "ready"
        await one.ask("DELETE", f"/rooms/{rooms[0]}", 204)
        await two.ask("DELETE", f"/rooms/{rooms[1]}", 204)
        for each in (one, two):
            await each.ask("GET", f"/rooms/{rooms[0]}", 404)
            await each.ask("GET", f"/rooms/{rooms[1]}", 404)
        one.kill()
        for room in rooms[2:]:
            async with asyncio.timeout(60):
                while True:
                    async with two.http.get(f"/api/v1/rooms/{room}", headers=TOKEN) as answer:
                        if answer.status == 200:
                            break
                    await asyncio.sleep(0.2)
            token = await two.ask("POST", f"/rooms/{room}/tokens", 201, name="Ann")
            assert (await join(two, room, token["token"]))["type"] == "ready"


async def join(instance: Instance, room: str, token: str) -> Any:
    """Come into a room and leave it; returns the first thing said to us."""
    async with instance.http.ws_connect(f"/api/v1/rooms/{room}/ws") as ws:
        await ws.send_json({"type": "join", "token": token, "name": "Ann"})
        said = await ws.receive_json(timeout=10)
        await ws.send_json({"type": "leave"})
        return said
