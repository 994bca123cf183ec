"""
A real Talk back end for one test: signaling server, Janus, and a stand-in for Nextcloud.

All on loopback ports of their own, in one temporary folder, ready in about 0.2 s and gone without a
trace. Either server can be stopped, killed and started again under a running test.

    async with HpbStack(NEWEST) as stack:
        stack.nextcloud.rooms["r"] = {"name": "Room"}
        async with stack.bot("r") as hpb: ...

As a program, `python -m tests.peers.hpb_stack`, it runs until it is interrupted.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from hpb import Client, Internal, Retry, Signaling, Ticket
from hpb.auth import Credentials
from tests.peers import require
from tests.peers.talk.nextcloud import Nextcloud
from tests.peers.talk.process import LOOPBACK, Process, poll
from tests.peers.talk.programs import NEWEST, signaling_server
from tests.peers.talk.settings import write_janus, write_server
from tests.ports import free_port

__all__ = ["HpbStack"]

DEADLINE = 30.0
"""Seconds for the server to clear up."""

UNREACHABLE = (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError)


class HpbStack:
    """
    Janus, the signaling server and a stand-in for Nextcloud.

    `mcu_timeout` are the seconds the server waits for a publisher before it says that there is
    none; `media_address` is where Janus may be reached for audio, `janus` what else it is told.
    """

    def __init__(
        self,
        generation: str,
        *,
        mcu_timeout: int = 10,
        media_address: str = LOOPBACK,
        janus: str = "",
    ) -> None:
        self.generation = generation
        self.internal_secret = secrets.token_hex(24)
        self.nextcloud = Nextcloud()
        self._mcu_timeout = mcu_timeout
        self._media_address = media_address
        self._janus = janus
        self._resources = AsyncExitStack()

    @property
    def url(self) -> str:
        """The signaling server's address, as an administrator would enter it."""
        return f"http://{LOOPBACK}:{self.port}"

    async def __aenter__(self) -> HpbStack:
        janus, server = require("janus"), signaling_server(self.generation)
        async with self._resources as resources:
            temporary = tempfile.TemporaryDirectory(prefix="hpb-stack-")
            folder = Path(resources.enter_context(temporary))
            await resources.enter_async_context(self.nextcloud)
            self._http = await resources.enter_async_context(aiohttp.ClientSession())
            self._janus_port, self.port = free_port(), free_port()
            self.nextcloud.server = self.url
            self._folder = folder
            write_janus(
                folder / "janus",
                port=self._janus_port,
                address=self._media_address,
                more=self._janus,
            )
            self.configure()
            command = [janus, "--configs-folder", str(folder / "janus"), "--disable-colors"]
            command += ["--config", str(folder / "janus" / "janus.jcfg")]
            self.janus = Process(command, folder / "janus.log", self._janus_serves)
            command = [str(server), "-config", str(folder / "server.conf")]
            self.server = Process(command, folder / "server.log", self._serves)
            for process in (self.janus, self.server):
                resources.push_async_callback(process.stop)
                await process.start()
            self._resources = resources.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._resources.aclose()

    def bot(
        self, room: str, *, secret: str = "", url: str = "", retry: Retry | None = None
    ) -> Client:
        """Make an internal client; `url` is another way to the server, `secret` a wrong one."""
        credentials = Internal(self.nextcloud.base_url, secret or self.internal_secret)
        return Client(url or self.url, Signaling(room, credentials), retry=retry)

    def user(
        self, name: str, room: str, *, url: str = "", credentials: Credentials | None = None
    ) -> Client:
        """Make a person's client; Nextcloud knows the session as `nc-NAME`."""
        proof = credentials or Ticket(self.nextcloud.base_url, self.nextcloud.ticket(name))
        person = Signaling(room, proof, nextcloud_session_id=f"nc-{name}")
        return Client(url or self.url, person)

    async def stats(self) -> dict[str, Any]:
        """Return the server's own count of rooms and sessions, and its connection to Janus."""
        async with self._http.get(f"{self.url}/api/v1/stats") as response:
            counted: dict[str, Any] = await response.json(content_type=None)
            return counted

    async def deserted(self) -> None:
        """Wait until the server has no session left; raises `TimeoutError`."""

        async def deserted() -> bool:
            return not (await self.stats())["sessions"]

        await poll(deserted, within=DEADLINE)

    async def _serves(self) -> bool:
        with contextlib.suppress(*UNREACHABLE):
            return bool((await self.stats())["mcu"]["connected"])
        return False

    async def _janus_serves(self) -> bool:
        url = f"ws://{LOOPBACK}:{self._janus_port}"
        with contextlib.suppress(*UNREACHABLE, TypeError):
            async with self._http.ws_connect(url, protocols=["janus-protocol"]) as socket:
                await socket.send_json({"janus": "info", "transaction": "ready"})
                info = await socket.receive_json(timeout=2)
                return "janus.plugin.videoroom" in info["plugins"]
        return False

    def configure(self) -> None:
        """Write the server's configuration, with new keys; it counts from the next start."""
        write_server(
            self._folder / "server.conf",
            listen=f"{LOOPBACK}:{self.port}",
            internal_secret=self.internal_secret,
            nextcloud=self.nextcloud.base_url,
            secret=self.nextcloud.secret,
            janus=f"ws://{LOOPBACK}:{self._janus_port}",
            mcu_timeout=self._mcu_timeout,
        )


async def _stay() -> None:
    async with HpbStack(NEWEST) as stack:
        stack.nextcloud.rooms["demo"] = {"name": "Demo"}
        lines = [stack.url, stack.internal_secret, stack.nextcloud.base_url]
        sys.stdout.write("\n".join(["room demo at, secret, Nextcloud:", *lines, ""]))
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_stay())
