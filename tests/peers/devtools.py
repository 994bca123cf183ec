"""
A real Chromium that a test drives as a person would: it looks, clicks, types and takes pictures.

It is spoken to over its own DevTools protocol, so nothing has to be installed beside it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.network import Machine
from tests.peers import require
from tests.peers.chromium import FLAGS

__all__ = ["Chromium", "Tab", "chromium"]

DEADLINE = 60.0
"""Seconds within which a page has to get somewhere."""
LOOK = 0.05
KEYS = {"Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""), "Tab": ("Tab", 9, "")}


class Refused(RuntimeError):
    """The browser did not do what it was asked, perhaps since the page went elsewhere."""


class Tab:
    """One page: what is on it, and what it complains about."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []
        """Errors of scripts and of the policy, as they are told to the console."""

    async def listen(self) -> None:
        """Take in what the browser says, until it says no more."""
        async for message in self._socket:
            self._hear(json.loads(message.data))
        for question in self._asked.values():
            question.cancel()

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Let the browser do something; raises what it refuses."""
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(DEADLINE):
            said: dict[str, Any] = await answer
        if "error" in said:
            raise Refused(f"{method}: {said['error']['message']}")
        result: dict[str, Any] = said["result"]
        return result

    async def open(self, url: str) -> None:
        """Go to an address."""
        await self._leave("Page.navigate", url=url)

    async def reload(self) -> None:
        """Go to the same address again."""
        await self._leave("Page.reload")

    async def _leave(self, method: str, **where: str) -> None:
        await self.run("globalThis.left = true")
        await self.ask(method, **where)
        await self.until("!globalThis.left && document.readyState === 'complete'")

    async def run(self, script: str) -> Any:
        """What an expression is on the page; promises are awaited."""
        said = await self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True,
            userGesture=True,
        )  # fmt: skip
        if wrong := said.get("exceptionDetails"):
            raise RuntimeError(f"{script}: {wrong['exception'].get('description', wrong['text'])}")
        return said["result"].get("value")

    async def until(self, script: str, seconds: float = DEADLINE) -> Any:
        """Wait until an expression is true, and return it."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    with contextlib.suppress(Refused):
                        if found := await self.run(script):
                            return found
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            seen = await self.run("document.body.innerText")
            raise TimeoutError(f"{script}\n{self.complaints}\non the page: {seen}") from None

    async def sees(self, selector: str, text: str = "", seconds: float = DEADLINE) -> None:
        """Wait until something is to be seen, with a text."""
        await self.until(
            f"[...document.querySelectorAll({json.dumps(selector)})].some(one => "
            f"one.checkVisibility() && one.textContent.includes({json.dumps(text)}))",
            seconds,
        )

    async def misses(self, selector: str, seconds: float = DEADLINE) -> None:
        """Wait until something is no longer to be seen."""
        shown = f"[...document.querySelectorAll({json.dumps(selector)})]"
        await self.until(f"!{shown}.some(one => one.checkVisibility())", seconds)

    async def text(self, selector: str) -> str:
        """The text of an element that is to be seen."""
        return str(await self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    async def click(self, selector: str) -> None:
        """Press the mouse where an element is."""
        await self.sees(selector)
        box = await self.run(
            f"(() => {{ const one = [...document.querySelectorAll({json.dumps(selector)})]"
            ".find(one => one.checkVisibility()); one.scrollIntoViewIfNeeded();"
            "const {x, y, width, height} = one.getBoundingClientRect();"
            "return {x: x + width / 2, y: y + height / 2}; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.ask(
                "Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **box
            )

    async def type(self, text: str) -> None:
        """Write where the cursor is."""
        await self.ask("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press one key, by its character or its name."""
        name, code, text = KEYS.get(key) or (key, ord(key.upper()), key)
        about = {"key": name, "windowsVirtualKeyCode": code}
        await self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **about)

    async def look(self, width: int, height: int, *, dark: bool = False, scale: float = 1) -> None:
        """Be a screen of a size, by day or by night, on which nothing moves."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=scale, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        await self.ask("Emulation.setEmulatedMedia", features=[scheme, still])

    async def picture(self, file: Path) -> None:
        """Write what is to be seen into a file."""
        shot = await self.ask("Page.captureScreenshot", format="png")
        _keep(file, base64.b64decode(shot["data"]))

    def _hear(self, message: dict[str, Any]) -> None:
        answer = self._asked.pop(message.get("id", 0), None)
        if answer and not answer.done():  # who asked may have lost patience
            answer.set_result(message)
        match message.get("method"):
            case "Runtime.exceptionThrown":
                details = message["params"]["exceptionDetails"]
                self.complaints.append(details.get("exception", details).get("description", ""))
            case "Runtime.consoleAPICalled" if message["params"]["type"] == "error":
                said = message["params"]["args"]
                self.complaints.append(" ".join(str(one.get("value", one)) for one in said))
            case "Log.entryAdded" if message["params"]["entry"]["level"] == "error":
                self.complaints.append(message["params"]["entry"]["text"])


class Chromium:
    """A browser that runs."""

    def __init__(self, url: str, http: aiohttp.ClientSession, tasks: asyncio.TaskGroup) -> None:
        self._url = url
        self._http = http
        self._tasks = tasks

    async def tab(self) -> Tab:
        """Open an empty page."""
        async with self._http.put(f"{self._url}/json/new") as answer:
            address = (await answer.json())["webSocketDebuggerUrl"]
        return await self._attach(address)

    async def person(self) -> Tab:
        """Open a window as if it was somebody else's browser: nothing is shared with others."""
        async with self._http.get(f"{self._url}/json/version") as answer:
            address = (await answer.json())["webSocketDebuggerUrl"]
        browser = Tab(await self._http.ws_connect(address))
        self._tasks.create_task(browser.listen())
        context = await browser.ask("Target.createBrowserContext")
        window = await browser.ask(
            "Target.createTarget", url="about:blank", newWindow=True, **context
        )
        return await self._attach(f"{self._url}/devtools/page/{window['targetId']}")

    async def _attach(self, address: str) -> Tab:
        tab = Tab(await self._http.ws_connect(address, max_msg_size=0))
        self._tasks.create_task(tab.listen())
        for domain in ("Page", "Runtime", "Log"):
            await tab.ask(f"{domain}.enable")
        return tab


@contextlib.asynccontextmanager
async def chromium(
    *flags: str, without: Sequence[str] = (), on: Machine | None = None
) -> AsyncIterator[Chromium]:
    """Run Chromium, perhaps on another machine, and end it however it behaves."""
    program = [*(on.command if on else ()), require("chromium")]
    chosen = [flag for flag in FLAGS if flag not in without] + list(flags)
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            *program, *chosen, f"--user-data-dir={folder}", "--remote-debugging-port=0",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "TMPDIR": folder, "HOME": folder, "LANG": "en_GB.UTF-8"},
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{await _port(Path(folder) / 'DevToolsActivePort')}"
            cable = aiohttp.TCPConnector(socket_factory=on.socket if on else None)
            async with aiohttp.ClientSession(connector=cable) as http, asyncio.TaskGroup() as tasks:
                yield Chromium(url, http, tasks)
                await http.close()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _port(file: Path) -> str:
    async with asyncio.timeout(DEADLINE):
        while not (port := _first_word(file)):  # noqa: ASYNC110 - it cannot tell us
            await asyncio.sleep(LOOK)
    return port


def _first_word(file: Path) -> str:
    return "".join(file.read_text().split()[:1]) if file.exists() else ""


def _keep(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
