"""A stand-in for Nextcloud, as far as AppAPI and Talk's server talk to an ExApp."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from transcriber.connectors.nextcloud import Identity

__all__ = ["SECRET", "Administration", "Nextcloud", "Talk", "Tasks", "headers"]

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


class Tasks:
    """Translations as Nextcloud's task processing does them: later."""

    def __init__(self) -> None:
        self.looks = 2
        """How often a task is asked for before it is done."""
        self.status = 200
        self.retry_after = ""
        self.for_apps = True
        self.provided = True
        self.fails = False
        self.origins = ["detect_language", "en", "fr"]
        self.scheduled: list[dict[str, Any]] = []
        self.asked = 0

    def serve(self, app: web.Application) -> None:
        for root in ("tasks_consumer/", ""):
            path = f"/ocs/v2.php/taskprocessing/{root}"
            app.router.add_get(f"{path}tasktypes", self._types)
            app.router.add_post(f"{path}schedule", self._schedule)
            app.router.add_get(path + "task/{id}", self._task)

    def _refused(self, request: web.Request) -> None:
        if "tasks_consumer" in request.path and not self.for_apps:
            raise web.HTTPNotFound
        if self.status != 200:
            raise _Refused(self.status, self.retry_after)

    async def _types(self, request: web.Request) -> web.Response:
        self._refused(request)

        def options(codes: list[str]) -> list[dict[str, str]]:
            return [{"name": code.upper(), "value": code} for code in codes]

        languages = {
            "origin_language": options(self.origins),
            "target_language": options(["de", "fr"]),
        }
        kind = {"name": "Translate", "inputShapeEnumValues": languages}
        return _envelope({"types": {"core:text2text:translate": kind} if self.provided else []})

    async def _schedule(self, request: web.Request) -> web.Response:
        self._refused(request)
        self.scheduled.append(await request.json())
        return _envelope({"task": self._shown(len(self.scheduled), done=False)})

    async def _task(self, request: web.Request) -> web.Response:
        self._refused(request)
        self.asked += 1
        number = int(request.match_info["id"])
        return _envelope({"task": self._shown(number, done=self.asked % self.looks == 0)})

    def _shown(self, number: int, *, done: bool) -> dict[str, Any]:
        wanted = self.scheduled[number - 1]["input"]
        if not done:
            return {"id": number, "status": "STATUS_SCHEDULED", "output": None}
        status = "STATUS_FAILED" if self.fails else "STATUS_SUCCESSFUL"
        output = {"output": f"{wanted['target_language']}: {wanted['input']}"}
        return {"id": number, "status": status, "output": None if self.fails else output}


class Talk:
    """Chats in which a bot may write, and files that can be shared with their rooms."""

    SECRET = "b0t" * 20

    def __init__(self) -> None:
        self.rooms: set[str] = set()
        """Where the bot was added."""
        self.said: list[tuple[str, str]] = []
        self.files: dict[str, bytes] = {}
        self.folders = {"alice/Talk"}
        self.shares: list[tuple[str, str, str]] = []
        self.route = ""

    def serve(self, app: web.Application) -> None:
        app.router.add_post("/ocs/v1.php/apps/app_api/api/v1/talk_bot", self._register)
        app.router.add_post("/ocs/v2.php/apps/spreed/api/v1/bot/{room}/message", self._message)
        app.router.add_route("*", "/remote.php/dav/files/{path:.+}", self._dav)
        app.router.add_route("*", "/ocs/v2.php/apps/files_sharing/api/v1/shares", self._shared)

    def signed(self, body: bytes, secret: str = SECRET) -> dict[str, str]:
        """The headers of something that Talk tells the bot."""
        random = secrets.token_hex(32)
        proof = hmac.new(secret.encode(), random.encode() + body, hashlib.sha256).hexdigest()
        return {"X-Nextcloud-Talk-Random": random, "X-Nextcloud-Talk-Signature": proof}

    async def _register(self, request: web.Request) -> web.Response:
        self.route = (await request.json())["route"]
        return _envelope({"id": "1" * 40, "secret": self.SECRET})

    async def _message(self, request: web.Request) -> web.Response:
        message = (await request.json())["message"]
        random = request.headers["X-Nextcloud-Talk-Bot-Random"]
        proof = hmac.new(self.SECRET.encode(), f"{random}{message}".encode(), hashlib.sha256)
        signed = request.headers["X-Nextcloud-Talk-Bot-Signature"] == proof.hexdigest()
        if not signed or request.match_info["room"] not in self.rooms:
            raise _Refused(401, "")
        self.said.append((request.match_info["room"], message))
        return web.json_response({"ocs": {"meta": {}, "data": []}}, status=201)

    def _user(self, request: web.Request) -> str:
        return base64.b64decode(request.headers["AUTHORIZATION-APP-API"]).decode().split(":")[0]

    async def _dav(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if path.split("/")[0] != self._user(request):
            return web.Response(status=403)
        parent, known = path.rpartition("/")[0], path in self.folders
        if "/" in parent and parent not in self.folders:
            return web.Response(status=409)
        if request.method == "MKCOL":
            self.folders.add(path)
            return web.Response(status=405 if known else 201)
        self.files[path] = await request.read()
        return web.Response(status=201)

    async def _shared(self, request: web.Request) -> web.Response:
        user = self._user(request)
        if request.method == "GET":
            ours = [room for who, path, room in self.shares if path == request.query["path"]]
            return _envelope([{"share_with": room, "share_type": 10} for room in ours])
        share = await request.json()
        assert share["shareType"] == 10
        wanted = (user, share["path"], share["shareWith"])
        if wanted in self.shares or f"{user}{share['path']}" not in self.files:
            raise _Refused(403, "")
        self.shares.append(wanted)
        return _envelope({"id": "1"})


class Administration:
    """A form that somebody fills in, warnings, and the log."""

    def __init__(self) -> None:
        self.form: dict[str, Any] = {}
        self.filled: dict[str, Any] = {}
        self.lines: list[tuple[int, str]] = []
        self.looks_at_checks = True
        self.checked = 0
        self.away = 0

    def serve(self, app: web.Application) -> None:
        api = "/ocs/v1.php/apps/app_api/api/v1"
        app.router.add_post(f"{api}/ui/settings", self._register)
        app.router.add_post(f"{api}/ex-app/config/get-values", self._values)
        app.router.add_post(f"{api}/setup_check", self._check)
        app.router.add_post(f"{api}/log", self._log)

    async def _register(self, request: web.Request) -> web.Response:
        self.form = (await request.json())["formScheme"]
        return _envelope([])

    async def _values(self, request: web.Request) -> web.Response:
        if self.away:
            self.away -= 1
            raise _Refused(503, "")
        wanted = (await request.json())["configKeys"]
        found = [(key, self.filled[key]) for key in wanted if key in self.filled]
        return _envelope([{"configkey": key, "configvalue": value} for key, value in found])

    async def _check(self, request: web.Request) -> web.Response:
        if not self.looks_at_checks:
            raise web.HTTPNotFound
        self.checked += 1
        return _envelope([])

    async def _log(self, request: web.Request) -> web.Response:
        if self.away:
            self.away -= 1
            raise _Refused(503, "")
        line = await request.json()
        self.lines.append((line["level"], line["message"]))
        return _envelope([])


class _Refused(web.HTTPException):
    def __init__(self, status: int, retry_after: str) -> None:
        self.status_code = status
        wait = {"Retry-After": retry_after} if retry_after else {}
        super().__init__(text=json.dumps({"ocs": {"meta": {}, "data": []}}), headers=wait)


def _envelope(data: Any) -> web.Response:
    return web.json_response({"ocs": {"meta": {"status": "ok"}, "data": data}})


class Nextcloud:
    """Answers as AppAPI does, and calls the ExApp as AppAPI and Talk do."""

    def __init__(self) -> None:
        self.url = ""
        self.app_url = ""
        self.progress: list[int] = []
        self.errors: list[str] = []
        self.state = 0
        self.down = 0
        self.tasks = Tasks()
        self.talk = Talk()
        self.admin = Administration()
        self.patience = 3.0
        """Seconds to wait for the ExApp: Talk's."""
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
        app.router.add_get("/ocs/v2.php/cloud/capabilities", self._capabilities)
        self.tasks.serve(app)
        self.talk.serve(app)
        self.admin.serve(app)
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
        """Call the ExApp."""
        assert self._http
        async with self._http.request(
            method,
            f"{self.app_url}{path}",
            data=None if body is None else json.dumps(body).replace("/", "\\/"),
            headers=(headers() if sent is None else sent) | {"Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=self.patience),
        ) as answer:
            assert answer.content_type == "application/json"
            return answer.status, await answer.json()

    async def alive(self) -> bool:
        """Whether the ExApp is there."""
        try:
            return (await self.call("GET", "/heartbeat", sent={}))[0] == 200
        except (aiohttp.ClientConnectionError, TimeoutError):
            return False

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

    async def _capabilities(self, request: web.Request) -> web.Response:
        self._known(request)
        return _envelope({"capabilities": {"spreed": {"version": "22.0.10"}}})

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
