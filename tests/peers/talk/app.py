"""The product as AppAPI runs it, for a stand-in of Nextcloud."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.peers import service, until
from tests.peers.nextcloud import SECRET, Nextcloud
from tests.peers.talk.process import LOOPBACK, Process
from tests.ports import free_port

__all__ = ["forsaken", "ready", "serving"]

FOR_EVER = 10**9
"""Requests that Nextcloud refuses."""


@asynccontextmanager
async def serving(cloud: Nextcloud, folder: Path, **env: str) -> AsyncIterator[Process]:
    """Run it as AppAPI would, until the block ends; it is alive, but may not be `ready` yet."""
    port = free_port()
    environment = {
        "APP_ID": "live_transcription",
        "APP_VERSION": "0.1.0",
        "APP_SECRET": SECRET,
        "APP_HOST": LOOPBACK,
        "APP_PORT": str(port),
        "AA_VERSION": "35.0.0",
        "NEXTCLOUD_URL": f"{cloud.url}/index.php/",
        "HTTP_PORT": "0",
        "APP_PERSISTENT_STORAGE": str(folder / "data"),
        "LOG_LEVEL": "debug",
        **env,
    }
    settings = [f"{name}={value}" for name, value in environment.items()]
    cloud.app_url = f"http://{LOOPBACK}:{port}"

    command = ["env", *settings, sys.executable, "-m", "transcriber", "serve"]
    process = Process(command, folder / "serve.log", cloud.alive)
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


@asynccontextmanager
async def forsaken(cloud: Nextcloud, folder: Path) -> AsyncIterator[Process]:
    """Run it where Nextcloud refuses everything, and nobody else ever says a word."""
    cloud.down = cloud.admin.away = FOR_EVER
    cloud.tasks.status = 503
    nobody = await asyncio.start_server(_swallow, LOOPBACK, 0)
    address = f"{LOOPBACK}:{nobody.sockets[0].getsockname()[1]}"
    try:
        async with serving(
            cloud,
            folder,
            LT_HPB_URL=f"http://{address}",
            LT_INTERNAL_SECRET="secret",
            ASR_BACKEND="vosk",
            LT_VOSK_SERVER_URL=f"ws://{address}",
            WORKERS="0",
        ) as process:
            yield process
    finally:
        nobody.close()


async def _swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        pass
    writer.close()


async def ready(process: Process) -> None:
    """Wait until its workers have started."""
    await until(lambda: "listening on" in process.output)
    (url,) = re.findall(r"listening on (\S+)", process.output)
    async with aiohttp.ClientSession(url) as http:
        await service.ready(http)
