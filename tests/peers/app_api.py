"""
AppAPI's proxy, through which browsers reach an app: as far as what it lets through goes, it is made
of the app's own description, and like PHP it gives an answer only when that is complete.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree import ElementTree

import aiohttp
from aiohttp import web

from tests.peers.nextcloud import headers
from transcriber.web.server import listen

__all__ = ["PROXY", "Proxy"]

PROXY = "/index.php/apps/app_api/proxy/live_transcription"
INFO = Path(__file__).parents[2] / "appinfo/info.xml"
OWN = {"host", "content-length", "connection", "accept-encoding"}
"""What the proxy writes itself."""


class Proxy:
    """Knows who is signed in to Nextcloud, and whether they administer it."""

    def __init__(self, app_url: str) -> None:
        self.app_url, self.user, self.admin = app_url, "ann", True
        self._routes = [
            (
                route.findtext("url") or "",
                re.split(r"\s*,\s*", route.findtext("verb") or ""),
                set(json.loads(route.findtext("headers_to_exclude") or "[]")),
            )
            for route in ElementTree.parse(INFO).getroot().iter("route")
        ]

    @asynccontextmanager
    async def at(self) -> AsyncIterator[str]:
        """Serve while the block runs; yields where the app is for browsers."""
        app = web.Application()
        app.router.add_route("*", PROXY + "{path:/.*}", self._pass)
        async with listen(app, "127.0.0.1", 0) as url, aiohttp.ClientSession() as self._http:
            yield url + PROXY

    async def _pass(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        excluded = self._let_through(request.method, path)
        sent = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in OWN | excluded
        }
        async with self._http.request(
            request.method,
            f"{self.app_url}{path}",
            params=request.query,
            data=await request.read(),
            headers=sent | headers(self.user),
            allow_redirects=False,
        ) as answer:
            body = await answer.read()
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in OWN | {"content-encoding", "transfer-encoding"}
            }
            return web.Response(body=body, status=answer.status, headers=kept)

    def _let_through(self, method: str, path: str) -> set[str]:
        for pattern, verbs, excluded in self._routes:
            if self.admin and method in verbs and re.search(pattern, path):
                return excluded
        raise web.HTTPNotFound
