"""The service as its users run it: a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

__all__ = ["ready", "service", "status"]

NOTHING: Mapping[str, str] = {}


@asynccontextmanager
async def service(
    *, ask: signal.Signals = signal.SIGTERM, env: Mapping[str, str] = NOTHING
) -> AsyncIterator[tuple[aiohttp.ClientSession, list[str]]]:
    """Run it; yields a client, and a list that will hold what it logged."""
    folder = tempfile.TemporaryDirectory()
    ours = {"HTTP_PORT": "0", "LOG_FORMAT": "json", "API_TOKEN": "s3cret", "DATA_DIR": folder.name}
    if os.environ.get("SHOW_LOGS"):
        ours["LOG_PII"] = "true"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "transcriber", "serve", "--json"),
        env={**os.environ, **ours, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    assert process.stdout
    assert process.stderr
    logged: list[str] = []
    reading = asyncio.create_task(_read(process.stderr, logged))
    try:
        async with asyncio.timeout(60):
            url = json.loads(await process.stdout.readline())["url"]
        async with aiohttp.ClientSession(url) as http:
            yield http, logged
    finally:
        with contextlib.suppress(ProcessLookupError):  # the test may have ended it
            process.send_signal(ask)
        async with asyncio.timeout(60):
            assert await process.wait() == (-ask if ask is signal.SIGKILL else 0)
            await reading
        folder.cleanup()


async def status(http: aiohttp.ClientSession, path: str, **more: Any) -> int:
    """How a request is answered; a GET, if nothing else is said."""
    async with http.request(more.pop("method", "GET"), path, **more) as answer:
        return answer.status


async def ready(http: aiohttp.ClientSession) -> None:
    """Wait until work is taken: workers have started, and models are loaded."""
    async with asyncio.timeout(120):
        while await status(http, "/ready") != 200:  # noqa: ASYNC110 - it does not call us
            await asyncio.sleep(0.1)


async def _read(stream: asyncio.StreamReader, logged: list[str]) -> None:
    """Take in what is logged, so that nobody waits for us."""
    while line := await stream.readline():
        if os.environ.get("SHOW_LOGS"):
            sys.stderr.write(line.decode())
        logged.append(json.loads(line)["event"])
