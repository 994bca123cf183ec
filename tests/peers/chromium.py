"""Chromium without a screen, on a page that a test serves, and what the page reports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.peers import require

__all__ = ["Page", "browser"]

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-sync", "--disable-component-update",
    "--disable-default-apps", "--mute-audio", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns,MediaRouter,OptimizationHints",
    "--proxy-server=http://127.0.0.1:9",
)  # fmt: skip
"""Loopback is never proxied, so nothing but the page can be reached."""

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Page:
    """A page with a script; `/ask` is answered by the test, `/tell` is remembered."""

    def __init__(self, script: str, answer: Answer) -> None:
        self._html = (
            f"<!doctype html><meta charset=utf-8><title>test</title><script>{script}</script>"
        )
        self._answer = answer
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_post("/ask", self._ask)
        app.router.add_post("/tell", self._tell)
        return app

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=self._html, content_type="text/html")

    async def _ask(self, request: web.Request) -> web.Response:
        return web.json_response(await self._answer(await request.json()))

    async def _tell(self, request: web.Request) -> web.Response:
        self.told.put_nowait(await request.json())
        return web.Response()


@contextlib.asynccontextmanager
async def browser(page: Page) -> AsyncIterator[None]:
    """Open the page in Chromium, and close it however it behaves."""
    program = require("chromium")
    runner = web.AppRunner(page.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            program, *FLAGS, f"--user-data-dir={folder}", f"http://127.0.0.1:{port}/",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "TMPDIR": folder, "HOME": folder},
        )  # fmt: skip
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            await runner.cleanup()
