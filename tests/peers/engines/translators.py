"""LibreTranslate and a chat model, as their references have them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

__all__ = ["Service", "translators"]


@dataclass
class Service:
    """What was asked, and what is answered instead of a translation."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    status: int = 200
    says: str | None = None
    languages: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"code": "en", "name": "English", "targets": ["de", "fr"]},
            {"code": "de", "name": "German", "targets": ["en"]},
        ]
    )

    async def chat(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        self.keys.append(request.headers.get("Authorization", ""))
        if self.status != 200:
            return web.json_response({"error": {"message": "no"}}, status=self.status)
        said = self.asked[-1]["messages"][-1]["content"]
        content = f"übersetzt: {said}" if self.says is None else self.says
        return web.json_response({"choices": [{"message": {"content": content}}]})

    async def translate(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        if self.status != 200:
            return web.json_response({"error": "no"}, status=self.status)
        return web.json_response({"translatedText": f"übersetzt: {self.asked[-1]['q']}"})

    async def known(self, request: web.Request) -> web.Response:
        return web.json_response(self.languages, status=self.status)


@asynccontextmanager
async def translators() -> AsyncIterator[Service]:
    """Serve both on one port."""
    service, app = Service(), web.Application()
    app.router.add_post("/v1/chat/completions", service.chat)
    app.router.add_post("/translate", service.translate)
    app.router.add_get("/languages", service.known)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield service
    finally:
        await runner.cleanup()
