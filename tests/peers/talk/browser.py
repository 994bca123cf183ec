"""
A real Chromium as a person in a call.

It runs without a window on a page that does what Talk's client does on the wire. Its microphone is
a sound file, played again and again; what it is shown it tells the test.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from hpb import Ticket
from hpb.wire import endpoint
from tests.peers import require
from tests.peers.hpb_stack import HpbStack
from tests.peers.talk.process import LOOPBACK, Process

__all__ = ["Browser", "browsing"]

PAGE = Path(__file__).with_name("browser.html")
DEADLINE = 60.0
"""Seconds within which the page has to get somewhere."""

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--mute-audio",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns,MediaRouter,OptimizationHints",
    "--proxy-server=http://127.0.0.1:9",  # all but loopback goes nowhere
)


class Browser:
    """The page and what it tells."""

    def __init__(self) -> None:
        self.session_id = ""
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def until(self, state: str) -> dict[str, Any]:
        """Wait until the page has come so far; raises `TimeoutError`, or what went wrong in it."""
        async with asyncio.timeout(DEADLINE):
            while (told := await self.told.get())["state"] != state:
                if told["state"] == "error":
                    raise RuntimeError(f"the page failed: {told}")
        return told


@asynccontextmanager
async def browsing(
    stack: HpbStack, name: str, room: str, sound: Path
) -> AsyncIterator[tuple[Browser, Process]]:
    """Let a browser join and publish; Nextcloud knows its session as `nc-NAME`."""
    browser, chromium = Browser(), require("chromium")
    about = {
        "url": endpoint(stack.url),
        "room": room,
        "session": f"nc-{name}",
        "hello": Ticket(stack.nextcloud.base_url, stack.nextcloud.ticket(name)).greeting(),
    }
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with _serve(browser, about) as url:
            command = ["env", f"TMPDIR={folder}", chromium, *OPTIONS, f"--user-data-dir={folder}"]
            command += [f"--use-file-for-fake-audio-capture={sound}", url]
            process = Process(command, Path(folder) / "chromium.log", _nothing_more)
            await process.start()
            try:
                browser.session_id = (await browser.until("joined"))["session"]
                await stack.nextcloud.set_in_call(f"nc-{name}", 3)
                await browser.until("connected")
                yield browser, process
            finally:
                await process.stop()


async def _nothing_more() -> bool:
    return True


@asynccontextmanager
async def _serve(browser: Browser, about: dict[str, Any]) -> AsyncIterator[str]:
    page = PAGE.read_text().replace("__ABOUT__", json.dumps(about))

    async def show(request: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    async def hear(request: web.Request) -> web.Response:
        browser.told.put_nowait(json.loads(await request.text()))
        return web.Response()

    app = web.Application()
    app.router.add_get("/", show)
    app.router.add_post("/told", hear)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
