"""
The console in a real browser.

Pictures of it, at three sizes by day and by night, are written to `.cache/console`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.peers.devtools import Tab, chromium
from tests.peers.service import service
from tests.peers.test_page import SIZES
from transcriber.events import EVENT_TYPES
from transcriber.telemetry import Tail
from transcriber.web.auth import AdminToken, BearerGuard, Guard
from transcriber.web.console import Console, Overview, SettingShown
from transcriber.web.pages import routes
from transcriber.web.picture import Picture
from transcriber.web.routes import Kind, Route, token
from transcriber.web.server import application, listen

PICTURES = Path(".cache/console")
TOKEN = "s3cret"
SETTINGS = [
    SettingShown(
        name=name, value=value, default="", origin=origin, description=about, secret=not value
    )
    for name, value, origin, about in (
        ("ASR_BACKEND", "en -> kyutai; else local", "environment", "the recogniser that listens"),
        ("API_TOKEN", "(set)", "file /run/secrets/token", "the token that API calls must carry"),
        ("HTTP_PORT", "8080", "default", "port to listen on"),
    )
]


def engine(name: str, **more: Any) -> dict[str, Any]:
    about = {"name": name, "languages": ["en"], "usable": True, "unusable": "", "state": None}
    return about | more


STATE = {
    "engine": "en -> kyutai; else local",
    "recognisers": [
        engine("kyutai", state={"up": False, "failures": 3, "code": "unreachable", "retry_in": 8}),
        engine("local", state={"up": True, "failures": 0, "code": "", "retry_in": 0}),
        engine("vosk", usable=False, unusable="LT_VOSK_SERVER_URL is not set", languages=["*"]),
    ],
    "voices": [engine("local")],
    "unready": "",
}


class Stage:
    """A service in which a test lets things happen."""

    def __init__(self) -> None:
        self.picture, self.log = Picture(), Tail()
        self.state = STATE
        self.console = Console(self._overview, lambda: self.state, self.picture, self.log)

    def app(self) -> web.Application:
        guards: dict[Kind, Guard] = {"token": BearerGuard(AdminToken(TOKEN))}
        test = Route("POST", "/api/v1/self-test", self._test, token("admin"), "Try everything")
        return application([*routes(), *self.console.routes(), test], guards)

    def happen(self, kind: str, /, **data: Any) -> None:
        event = {"session_id": "s", "data": {"room": "stand-up", **data}}
        self.picture.apply(EVENT_TYPES[kind].model_validate(event))

    def say(self, name: str, text: str, kind: str = "speech.final") -> None:
        about = {"person_id": name, "person_name": name, "transcript": text, "language": "en"}
        self.happen(kind, **about, start_ms=0, end_ms=900)

    def write(self, level: str, event: str, **keys: Any) -> None:
        line = {"timestamp": "2026-03-04T09:15:00.123456Z", "level": level, "event": event, **keys}
        self.log.emit(logging.makeLogRecord({"msg": line}))

    def _overview(self) -> Overview:
        return Overview(
            version="0.1.0", started_at="2026-03-04T08:00:00+00:00", store="sqlite:///data.db",
            settings=SETTINGS,
        )  # fmt: skip

    async def _test(self, request: web.Request) -> web.Response:
        steps = [
            {"name": "store", "ok": True, "ms": 4, "detail": "kept and found"},
            {"name": "captions", "ok": False, "ms": 9500, "detail": "kyutai does not answer"},
        ]
        return web.json_response({"ok": False, "engine": "kyutai", "steps": steps})


@asynccontextmanager
async def watching() -> AsyncIterator[tuple[Tab, Stage]]:
    """Be signed in to the console of a stage."""
    stage = Stage()
    async with listen(stage.app(), "127.0.0.1", 0) as url, chromium() as browser:
        tab = await browser.tab()
        await tab.look(*SIZES["desk"])
        await enter(tab, url)
        yield tab, stage
        assert tab.complaints == []


async def enter(tab: Tab, url: str) -> None:
    await tab.open(f"{url}/console")
    await tab.click("input[type=password]")
    await tab.type(TOKEN)
    await tab.press("Enter")
    await tab.sees(".state.good", "Ready")


async def go(tab: Tab, part: str, picture: str = "") -> None:
    await tab.click(f"nav a[href='#{part}']")
    await tab.sees("nav a[aria-current]", part.capitalize())
    for size, (width, height) in SIZES.items() if picture else ():
        for dark in (False, True):
            await tab.look(width, height, dark=dark)
            await asyncio.sleep(0.2)
            await tab.picture(PICTURES / f"{picture}-{size}-{'dark' if dark else 'light'}.png")
    await tab.look(*SIZES["desk"])


async def test_a_wrong_token_is_refused_in_words() -> None:
    async with listen(Stage().app(), "127.0.0.1", 0) as url, chromium() as browser:
        tab = await browser.tab()
        await tab.open(f"{url}/console")
        await tab.click("input[type=password]")
        await tab.type("wrong")
        await tab.press("Enter")
        await tab.sees(".notice", "does not know this token")
        assert await tab.run("sessionStorage.length") == 0
        await tab.picture(PICTURES / "login.png")


async def test_rooms_are_shown_as_people_speak_and_disappear_when_they_end() -> None:
    async with watching() as (tab, stage):
        await go(tab, "rooms")
        await tab.sees(".nothing", "No room is attended")
        stage.happen("call.started", protocol="sfu")
        stage.happen("person.joined", person_id="Ann", person_name="Ann")
        stage.say("Ann", "Good morning everybody, shall we start?")
        stage.say("Bo", "Yes, I have finished the page", "speech.partial")
        stage.happen("speaker.changed", speakers=[{"person_id": "Bo", "audio_level": 25}])
        stage.happen("error", code="busy", message="the recogniser is full")
        await tab.sees(".rooms .panel", "stand-up")
        await tab.sees(".people .speaking", "Yes, I have finished the page")
        await tab.sees(".said", "Good morning everybody")
        await go(tab, "rooms", "rooms")
        stage.happen("call.terminated", reason="ended", duration_ms=1)
        await tab.misses(".rooms .panel")


async def test_engines_settings_and_the_log_can_be_read() -> None:
    async with watching() as (tab, stage):
        await go(tab, "engines", "engines")
        await tab.sees("td .badge.bad", "down: unreachable (3 times), next try in 8 s")
        await tab.sees("td", "LT_VOSK_SERVER_URL is not set")
        await go(tab, "settings", "settings")
        await tab.sees("td", "API_TOKEN")
        assert "8080" not in await tab.text("main")
        await tab.click("input[type=search]")
        await tab.type("port")
        await tab.sees("td", "8080")
        stage.write("info", "started", url="http://127.0.0.1:8080")
        stage.write("debug", "tick")
        stage.write("error", "speaker failed", room="stand-up", exception="Lost", frames=["a.py:1"])
        await go(tab, "log", "log")
        await tab.sees(".log .error", "speaker failed")
        assert "tick" not in await tab.text(".log")


async def test_the_self_test_tells_each_step() -> None:
    async with watching() as (tab, stage):
        stage.happen("call.started", protocol="sfu")
        stage.happen("error", code="busy", message="the recogniser is full")
        await tab.sees(".plain", "the recogniser is full")
        await tab.click(".panel .primary")
        await tab.sees(".steps .bad", "kyutai does not answer")
        await go(tab, "overview", "overview")


async def test_a_lost_service_is_told_and_found_again() -> None:
    async with chromium() as browser:
        tab = await browser.tab()
        async with listen(Stage().app(), "127.0.0.1", 0) as url:
            await enter(tab, url)
        await tab.sees(".state.bad", "No connection")
        async with listen(Stage().app(), "127.0.0.1", int(url.rpartition(":")[2])):
            await tab.sees(".state.good", "Ready")


async def test_the_running_service_tests_itself() -> None:
    async with service() as (http, _), chromium() as browser:
        tab = await browser.tab()
        await enter(tab, str(http._base_url).rstrip("/"))
        await tab.sees(".fact", "local")
        await tab.click(".panel .primary")
        await tab.sees(".steps .good", "captions passed", 60)
        await go(tab, "log")
        await tab.sees(".log", "started")
