"""Janus as a child process, and the few requests that its video room needs."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.peers import require
from tests.peers.rtc import until
from tests.ports import free_port

__all__ = ["Handle", "Janus", "janus"]

SILENT = (
    "libjanus_audiobridge.so,libjanus_echotest.so,libjanus_recordplay.so,libjanus_sip.so,"
    "libjanus_nosip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,"
    "libjanus_voicemail.so"
)
"""Plugins that are not needed."""
LIBRARIES = next(Path("/usr/lib").glob("*/janus"), Path("/usr/lib/janus"))
MAIN = """
general: {{ configs_folder = "{folder}" plugins_folder = "{libraries}/plugins"
  transports_folder = "{libraries}/transports" debug_level = 3 }}
media: {{ ipv6 = false rtp_port_range = "20000-30000" }}
nat: {{ full_trickle = {trickle} ignore_mdns = true ice_enforce_list = "{address}" }}
plugins: {{ disable = "{silent}" }}
transports: {{ disable = "libjanus_http.so,libjanus_pfunix.so,libjanus_rabbitmq.so" }}
"""
SOCKET = """
general: {{ json = "compact" ws = true ws_port = {port} ws_ip = "127.0.0.1" wss = false }}
admin: {{ admin_ws = false admin_wss = false }}
"""


class Handle:
    """One attachment to the video room: a publisher or a subscriber."""

    def __init__(self, janus: Janus, number: int) -> None:
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._janus = janus
        self.number = number

    async def ask(self, jsep: dict[str, Any] | None = None, **body: Any) -> dict[str, Any]:
        """Send a request and return the event that answers it."""
        message: dict[str, Any] = {"janus": "message", "body": body, "handle_id": self.number}
        if jsep:
            message["jsep"] = jsep
        answer = await self._janus.send(message)
        if answer["janus"] == "success":
            return answer
        return await asyncio.wait_for(self.events.get(), 10)

    async def trickle(self, candidate: dict[str, Any]) -> None:
        message = {"janus": "trickle", "candidate": candidate, "handle_id": self.number}
        await self._janus.send(message)


class Janus:
    """A session with Janus over its WebSocket."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._session = 0
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._handles: dict[int, Handle] = {}
        self.trickled: dict[int, list[dict[str, Any]]] = {}
        self.up: set[int] = set()
        """Handles whose media has arrived, as Janus says: only then others can subscribe."""

    async def open(self) -> None:
        self._session = (await self.send({"janus": "create"}))["data"]["id"]

    async def attach(self) -> Handle:
        plugin = {"janus": "attach", "plugin": "janus.plugin.videoroom"}
        number = (await self.send(plugin))["data"]["id"]
        handle = self._handles[number] = Handle(self, number)
        return handle

    async def send(self, message: dict[str, Any]) -> dict[str, Any]:
        transaction = secrets.token_hex(8)
        answer = self._answers[transaction] = asyncio.get_running_loop().create_future()
        if self._session:
            message["session_id"] = self._session
        await self._ws.send_json({**message, "transaction": transaction})
        return await asyncio.wait_for(answer, 10)

    async def read(self) -> None:
        async for message in self._ws:
            found = message.json()
            sender, kind = found.get("sender"), found["janus"]
            if kind == "event" and sender in self._handles:
                self._handles[sender].events.put_nowait(found)
            elif kind == "webrtcup":
                self.up.add(sender)
            elif kind == "trickle":
                self.trickled.setdefault(sender, []).append(found["candidate"])
            if answer := self._answers.pop(found.get("transaction", ""), None):
                answer.set_result(found)


@contextlib.asynccontextmanager
async def janus(address: str, *, trickle: bool = False) -> AsyncIterator[Janus]:
    """Run Janus and connect to it."""
    program = require("janus")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="janus-") as name:
        folder = Path(name)
        settings = MAIN.format(
            folder=folder, libraries=LIBRARIES, address=address, silent=SILENT,
            trickle=str(trickle).lower(),
        )  # fmt: skip
        (folder / "janus.jcfg").write_text(settings)
        (folder / "janus.transport.websockets.jcfg").write_text(SOCKET.format(port=port))
        (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                program, "--configs-folder", name, "--config", f"{name}/janus.jcfg",
                "--disable-colors", stdout=log, stderr=log,
            )  # fmt: skip
        try:
            async with aiohttp.ClientSession() as client, _connected(client, port) as session:
                yield session
        finally:
            process.terminate()
            await process.wait()


@contextlib.asynccontextmanager
async def _connected(client: aiohttp.ClientSession, port: int) -> AsyncIterator[Janus]:
    sockets: list[aiohttp.ClientWebSocketResponse] = []

    async def knock() -> None:
        url = f"http://127.0.0.1:{port}"
        while not sockets:
            with contextlib.suppress(aiohttp.ClientError):
                sockets.append(await client.ws_connect(url, protocols=["janus-protocol"]))
            await asyncio.sleep(0.05)

    knocking = asyncio.create_task(knock())
    await until(lambda: bool(sockets), "Janus")
    await knocking
    session = Janus(sockets[0])
    reading = asyncio.create_task(session.read())
    try:
        await session.open()
        yield session
    finally:
        await sockets[0].close()
        reading.cancel()
        await asyncio.wait([reading])
