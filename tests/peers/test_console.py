"""
The console in a real browser.

Pictures of it, at three sizes, by day and by night, are written to `.cache/console`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.store import MemoryStore
from tests.peers import until
from tests.peers.app_api import Proxy
from tests.peers.devtools import Tab, chromium
from tests.peers.nextcloud import SECRET, Nextcloud, headers
from tests.peers.service import service, status
from tests.peers.test_exapp import FORGED
from tests.peers.test_page import SIZES
from tests.ports import free_port
from tests.unit.transcriber.transcripts.calls import said
from transcriber.engines.stt.gpu import Figures
from transcriber.events import EVENT_TYPES
from transcriber.telemetry import Tail
from transcriber.transcripts.archive import Archive, Said
from transcriber.transcripts.permission import Permissions
from transcriber.web.appapi import PAGE
from transcriber.web.auth import AdminToken, BearerGuard, Guard
from transcriber.web.console import Console, Overview, SettingShown
from transcriber.web.pages import routes
from transcriber.web.picture import Picture
from transcriber.web.routes import Kind, Route, token
from transcriber.web.server import application, listen
from transcriber.web.sessions import SessionApi, Sessions
from transcriber.web.transcripts import Transcripts

PICTURES = Path(".cache/console")
TOKEN = "s3cret"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
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
        self.store = MemoryStore()
        self.archive = Archive(self.store)
        self.console = Console(
            self._overview, lambda: self.state, self.picture, self.log, self._look
        )

    @classmethod
    async def ready(cls) -> Stage:
        """Make one that has a transcript."""
        stage = cls()
        kept = await stage.archive.begin("stand-up", title="Stand-up", by="users/ann", now=1.8e9)
        await stage.archive.add(kept, [Said(said("Good morning everybody."), "users/ann")])
        return stage

    def app(self) -> web.Application:
        guards: dict[Kind, Guard] = {"token": BearerGuard(AdminToken(TOKEN))}
        kept = Transcripts(self.archive, Permissions(self.store)).routes()
        others = [
            Route("POST", "/api/v1/self-test", self._test, token("admin"), "Try everything"),
            Route("GET", "/api/v1/rooms", self._rooms, token("rooms:read"), "None are our own"),
            *self._sessions().routes(),
        ]
        return application([*routes(), *self.console.routes(), *kept, *others], guards)

    def _sessions(self) -> SessionApi:
        sessions = Sessions(self.store)
        return SessionApi(sessions, sessions.visitor, provider=True)

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
            settings=SETTINGS, gpu=True,
        )  # fmt: skip

    async def _look(self) -> Figures:
        return Figures.model_construct(
            up=9000, cost=2.05, slots=64, used=12, active=9, step=0.021, step_slowest=0.034,
            backlog=0.08, streams=310, rejected=2, audio=42_000, words=61_344,
        )  # fmt: skip

    async def _rooms(self, request: web.Request) -> web.Response:
        return web.json_response({"items": [], "next_cursor": None})

    async def _test(self, request: web.Request) -> web.Response:
        steps = [
            {"name": "store", "ok": True, "ms": 4, "detail": "kept and found"},
            {"name": "captions", "ok": False, "ms": 9500, "detail": "kyutai does not answer"},
        ]
        return web.json_response({"ok": False, "engine": "kyutai", "steps": steps})


@asynccontextmanager
async def watching() -> AsyncIterator[tuple[Tab, Stage]]:
    """Be signed in to the console of a stage."""
    stage = await Stage.ready()
    async with listen(stage.app(), "127.0.0.1", 0) as url, chromium() as browser:
        tab = await browser.tab()
        await tab.look(*SIZES["desk"])
        await enter(tab, url)
        yield tab, stage
        assert tab.complaints == []


async def enter(tab: Tab, url: str) -> None:
    await tab.open(f"{url}/console")
    await sign_in(tab, TOKEN)
    await tab.sees(".state.good", "Ready")


async def sign_in(tab: Tab, token: str) -> None:
    await tab.click("input[type=password]")
    await tab.run("document.querySelector('input[type=password]').select()")
    await tab.type(token)
    await tab.press("Enter")


async def go(tab: Tab, part: str, name: str = "") -> None:
    await tab.click(f"nav a[href='#{part}']")
    await tab.sees("nav a[aria-current]", part.capitalize())
    if name:
        await picture(tab, name)


async def picture(tab: Tab, name: str) -> None:
    for size, dark in (("desk", True), ("phone", True), ("tablet", False), ("desk", False)):
        await tab.look(*SIZES[size], dark=dark)
        await asyncio.sleep(0.1)
        await tab.picture(PICTURES / f"{name}-{size}-{'dark' if dark else 'light'}.png")


async def test_whoever_has_the_token_sees_what_goes_on() -> None:
    async with watching() as (tab, stage):
        await rooms(tab, stage)
        await engines_settings_and_log(tab, stage)
        await self_test(tab, stage)
        await transcripts(tab)


async def rooms(tab: Tab, stage: Stage) -> None:
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
    stage.happen("dialog.started", dialog_name="reception", state="greeting")
    await tab.sees(".panel a", "reception: greeting")
    await tab.run("globalThis.link = document.querySelector('.panel a')")
    stage.say("Bo", "Yes, I have finished the page, and more", "speech.partial")
    await tab.sees(".people .speaking", "and more")
    assert await tab.run("globalThis.link.isConnected"), "who presses on it presses on it"
    await go(tab, "rooms", "rooms")


async def engines_settings_and_log(tab: Tab, stage: Stage) -> None:
    await go(tab, "engines")
    await press(tab, "Ask it")
    await tab.sees(".fact", "12 of 64")
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


async def self_test(tab: Tab, stage: Stage) -> None:
    await go(tab, "overview")
    await tab.sees(".plain", "the recogniser is full")
    await tab.click(".panel .primary")
    await tab.sees(".steps .bad", "kyutai does not answer")
    await go(tab, "overview", "overview")
    stage.happen("call.terminated", reason="ended", duration_ms=1)
    await go(tab, "rooms")
    await tab.misses(".rooms .panel")


async def transcripts(tab: Tab) -> None:
    await go(tab, "transcripts", "transcripts")
    await tab.click("td a")
    await tab.sees(".reading", "Good morning everybody")
    await picture(tab, "transcript")
    await tab.click("a.back")
    await tab.click("td button")
    await tab.click("dialog .danger")
    await tab.sees(".nothing", "No transcript is kept")


async def test_a_lost_service_is_told_and_found_again() -> None:
    stage = await Stage.ready()
    async with chromium() as browser:
        tab = await browser.tab()
        port = free_port()
        async with listen(stage.app(), "127.0.0.1", port) as url:
            await tab.open(f"{url}/console")
            await sign_in(tab, "wrong")
            await tab.sees(".notice", "does not know this token")
            await tab.sees("button", "Sign in with your organisation")
            assert await tab.run("sessionStorage.length") == 0
            await tab.picture(PICTURES / "login.png")
            await enter(tab, url)
        await tab.sees(".state.bad", "No connection")
        async with listen(stage.app(), "127.0.0.1", port):
            await tab.sees(".state.good", "Ready")


async def test_the_running_service_is_operated_from_the_console() -> None:
    env = {
        "WEBHOOK_MAX_RETRIES": "1", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "WORKERS": "0",
        "DIALOG_DIR": "dialogs/flows",
    }  # fmt: skip
    receiver = Receiver()
    async with service(env=env) as (http, _), chromium() as browser, receiver.at() as hook:
        tab = await browser.tab()
        await tab.look(*SIZES["desk"])
        await enter(tab, str(http._base_url).rstrip("/"))
        await tab.sees(".fact", "local")
        await tab.click(".panel .primary")
        await tab.sees(".steps .good", "captions passed", 60)
        await go(tab, "log")
        await tab.sees(".log", "started")
        await webhooks(tab, receiver, hook)
        await own_rooms(tab)
        await access(tab, http)
        await dialogs(tab, http)
        assert tab.complaints == []


async def test_an_administrator_of_nextcloud_needs_no_token() -> None:
    port = free_port()
    proxy = Proxy(f"http://127.0.0.1:{port}")
    async with Nextcloud().running() as cloud, proxy.at() as console:
        env = {
            "APP_ID": "live_transcription", "APP_SECRET": SECRET, "APP_PORT": str(port),
            "NEXTCLOUD_URL": cloud.url, "LT_HPB_URL": "http://127.0.0.1:9",
            "LT_INTERNAL_SECRET": "s", "API_TOKEN": "", "WORKERS": "0", "API_RATE": "1000",
        }  # fmt: skip
        async with service(env=env) as (http, _), chromium() as browser:
            tab = await browser.tab()
            await tab.look(*SIZES["desk"])
            await tab.open(f"{console}/console")
            await tab.sees(".state.good", "Ready", 30)
            await tab.sees(".fact", "local")
            await go(tab, "access")
            await tab.click("main .primary")
            await fill(tab, name="Dashboard")
            await tab.click("dialog [value='metrics:read']")
            await tab.click("dialog .ask-buttons .primary")
            await tab.sees("dialog h2", "The new token")
            await tab.click("dialog .ask .primary")
            await noted(tab, "td .value", "nextcloud/ann")
            assert tab.complaints == []
            tokens = f"{console}/api/v1/tokens"
            wish = {"name": "x", "scopes": ["admin"]}
            assert (
                await status(http, tokens, method="POST", json=wish) == 403
            )  # as a page elsewhere would
            proxy.admin = False
            assert await status(http, tokens) == 404
            await nobody_else_gets_through(http, proxy.app_url)
        assert SECRET not in json.dumps(cloud.admin.lines)


async def nobody_else_gets_through(http: aiohttp.ClientSession, app_url: str) -> None:
    """Whatever route of ours somebody asks for at Nextcloud's port, with whatever proof."""
    async with http.get("/api/v1/openapi.json") as answer:
        described = await answer.json()
    routes = [
        (method, re.sub(r"{\w+}", "x", path))
        for path, known in described["paths"].items()
        for method in known
        if not PAGE.fullmatch(path)
    ]
    for name in ("nothing", "wrong secret", "another app", "too long"):
        refused = []
        async with aiohttp.ClientSession(headers=headers(changed=FORGED[name])) as stranger:
            for method, path in routes:
                async with stranger.request(method, app_url + path, json={}) as answer:
                    refused.append(answer.status)
        assert {*refused} == {401, 404}, name  # what is not there is not for Nextcloud at all
        assert refused.count(401) > 30


async def webhooks(tab: Tab, receiver: Receiver, hook: str) -> None:
    await go(tab, "webhooks")
    await tab.sees(".nothing", "Nobody is told")
    await tab.click("main .primary")
    await fill(tab, url="not an address", name="Reception")
    await fill(tab, url=hook)
    await picture(tab, "webhook-new")
    await tab.press("Enter")
    await tab.sees("dialog h2", "The secret of this webhook")
    assert str(await tab.run("document.querySelector('dialog .secret').value")).startswith("whsec_")
    await tab.click("dialog .primary")
    await tab.sees("td", "Reception")
    await tab.click("td button")
    await until(lambda: receiver.asked == 1)
    await go(tab, "webhooks", "webhooks")
    await tab.click("td a")
    await tab.sees("main td", "webhook.test")
    await noted(tab, "main td", "500")
    await picture(tab, "webhook")
    receiver.status = 204
    await press(tab, "Send all again")
    await tab.sees(".nothing", "Everything could be delivered")
    await until(lambda: receiver.asked == 2)
    await press(tab, "Switch off")
    await tab.sees(".badge", "off")
    await press(tab, "Delete")
    await tab.click("dialog .danger")
    await tab.sees(".nothing", "Nobody is told")


async def own_rooms(tab: Tab) -> None:
    await go(tab, "rooms")
    await tab.click("main .primary")
    await fill(tab, name="Reception")
    await tab.press("Enter")
    await tab.sees("dialog h2", "Invite into Reception")
    await picture(tab, "room-invite")
    await tab.click("dialog .primary")
    await tab.sees("dialog h2", "The invitation")
    link = str(await tab.run("document.querySelector('dialog .secret').value"))
    assert "/rooms/room_" in link
    assert "#token=" in link
    await tab.click("dialog .primary")
    await tab.sees(".rooms .panel", "Reception")
    await press(tab, "Close")
    await tab.click("dialog .danger")
    await tab.sees(".nothing", "No room is attended")


async def access(tab: Tab, http: aiohttp.ClientSession) -> None:
    await go(tab, "access")
    await tab.sees(".nothing", "none but the one of the settings")
    await tab.click("main .primary")
    await fill(tab, name="Dashboard")
    await tab.click("dialog [value='metrics:read']")
    await picture(tab, "token-new")
    await tab.click("dialog .ask-buttons .primary")
    await tab.sees("dialog h2", "The new token")
    token = await tab.run("document.querySelector('dialog .secret').value")
    await tab.click("dialog .ask .primary")
    await tab.sees("td", "Dashboard")
    await noted(tab, "td code", "POST /api/v1/tokens")
    await picture(tab, "access")
    bearer = {"Authorization": f"Bearer {token}"}
    assert await status(http, "/metrics", headers=bearer) == 200
    assert await status(http, "/api/v1/console", headers=bearer) == 403
    await press(tab, "Revoke")
    await tab.click("dialog .danger")
    await tab.sees(".nothing", "none but the one of the settings")
    assert await status(http, "/metrics", headers=bearer) == 401


async def dialogs(tab: Tab, http: aiohttp.ClientSession) -> None:
    wish = {"method": "POST", "json": {"dialog": "survey"}, "headers": BEARER}
    assert await status(http, "/api/v1/dialogs/sessions", **wish) == 201
    await go(tab, "dialogs")
    await tab.sees("td", "survey")
    await picture(tab, "dialogs")
    await press(tab, "End")
    await tab.misses("main td button")
    await tab.click("td a[href='#dialogs/survey']")
    await tab.sees(".drawing svg text")


class Receiver:
    """Who is told of events; it breaks at first."""

    def __init__(self) -> None:
        self.status, self.asked = 500, 0

    @asynccontextmanager
    async def at(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        async with listen(app, "127.0.0.1", 0) as url:
            yield f"{url}/hook"

    async def _take(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(status=self.status)


async def fill(tab: Tab, **values: str) -> None:
    """Write into fields of the window that is open."""
    for name, value in values.items():
        await tab.click(f"dialog [name={name}]")
        await tab.run(f"document.querySelector('dialog [name={name}]').select()")
        await tab.type(value)


async def noted(tab: Tab, selector: str, text: str) -> None:
    """Look until the journal has something: it is written soon after it was done."""
    async with asyncio.timeout(30):
        while True:
            await press(tab, "Look again")
            with contextlib.suppress(AssertionError, TimeoutError):
                return await tab.sees(selector, text, 1)


async def press(tab: Tab, words: str) -> None:
    """Press the button that says this."""
    await tab.sees("main button", words)
    await tab.run(
        "[...document.querySelectorAll('main button')]"
        f".find(one => one.checkVisibility() && one.textContent === {json.dumps(words)}).click()"
    )
