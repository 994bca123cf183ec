"""A stand-in for Nextcloud, as far as AppAPI and Talk's server talk to an ExApp."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from transcriber.connectors.nextcloud import Identity

__all__ = ["SECRET", "Nextcloud", "headers"]

NOTHING: Mapping[str, str | None] = {}
SECRET = "the-secret-of-the-installation"


def headers(user: str = "", *, changed: Mapping[str, str | None] = NOTHING) -> dict[str, str]:
    """What Nextcloud sends along; `changed` replaces or removes a header."""
    proof = base64.b64encode(f"{user}:{SECRET}".encode()).decode()
    sent: dict[str, str | None] = {
        "AA-VERSION": "35.0.0",
        "EX-APP-ID": "live_transcription",
        "EX-APP-VERSION": "0.1.0",
        "AUTHORIZATION-APP-API": proof,
        "AA-REQUEST-ID": "CLI",
    }
    return {name: value for name, value in (sent | {**changed}).items() if value is not None}


class Nextcloud:
    """Answers as AppAPI does, and calls the ExApp as AppAPI and Talk do."""

    def __init__(self) -> None:
        self.url = ""
        self.app_url = ""
        self.progress: list[int] = []
        self.errors: list[str] = []
        self.state = 0
        self.down = 0
        self._http: aiohttp.ClientSession | None = None

    @property
    def identity(self) -> Identity:
        """Who the ExApp is to us."""
        return Identity("live_transcription", "0.1.0", "35.0.0", SECRET, f"{self.url}/index.php/")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Nextcloud]:
        """Listen on a free port of the loopback."""
        app = web.Application()
        app.router.add_get("/ocs/v1.php/apps/app_api/ex-app/state", self._state)
        app.router.add_put("/ocs/v1.php/apps/app_api/ex-app/status", self._status)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with aiohttp.ClientSession() as self._http:
                yield self
        finally:
            await runner.cleanup()

    async def call(
        self, method: str, path: str, body: Any = None, *, sent: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Call the ExApp with Talk's three seconds of patience."""
        assert self._http
        async with self._http.request(
            method,
            f"{self.app_url}{path}",
            data=None if body is None else json.dumps(body).replace("/", "\\/"),
            headers=(headers() if sent is None else sent) | {"Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=3),
        ) as answer:
            assert answer.content_type == "application/json"
            return answer.status, await answer.json()

    def _known(self, request: web.Request) -> None:
        proof = base64.b64decode(request.headers["AUTHORIZATION-APP-API"]).decode()
        if proof != f":{SECRET}" or request.headers["EX-APP-ID"] != "live_transcription":
            raise web.HTTPUnauthorized
        if self.down:
            self.down -= 1
            raise web.HTTPServiceUnavailable

    async def _state(self, request: web.Request) -> web.Response:
        self._known(request)
        return web.json_response({"ocs": {"meta": {}, "data": self.state}})

    async def _status(self, request: web.Request) -> web.Response:
        self._known(request)
        body = await request.json()
        if body["error"]:
            self.errors.append(body["error"])
        elif body["progress"] == 100:
            status, answer = await self.call("GET", "/heartbeat", sent={})
            assert (status, answer) == (200, {"status": "ok"})
            assert await self.call("PUT", "/enabled?enabled=1") == (200, {"error": ""})
            self.state = 1
        self.progress.append(body["progress"])
        return web.json_response({"ocs": {"meta": {}, "data": []}})
