"""An agent in the running service: a model over the network that is heard while it still writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.peers import until
from tests.peers.engines.llm import chunk
from tests.peers.engines.server import hosting
from tests.peers.service import service
from tests.peers.test_dialogs_api import SESSIONS
from tests.peers.test_web import TOKEN

FLOW = """
name: desk
initial_state: talk
agents:
  host:
    instructions: You are a host.
    greeting: Good evening.
    outcomes: [done]
    max_words: 1000
states:
  talk:
    on_enter: [{type: run_agent, params: {agent: host}}]
    transitions: [{event: agent_done, target: bye}]
  bye: {terminal: true}
"""


@dataclass
class Author:
    """A model that writes a sentence, and the next one when it may; asked for a tale, no end."""

    prompts: list[list[dict[str, Any]]] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.prompts.append((await request.json())["messages"])
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            if "tale" in self.prompts[-1][-1]["content"]:
                while True:
                    await self._write(response, chunk({"content": "And then "}))
                    await asyncio.sleep(0.02)
            await self._write(response, chunk({"content": "At five. And we"}))
            await self.go_on.wait()
            await self._write(response, chunk({"content": " close at ten."}))
            await self._write(response, chunk({}, finish_reason="stop"))
        except ConnectionResetError:
            self.left.set()
        return response

    async def _write(self, response: web.StreamResponse, event: dict[str, Any]) -> None:
        await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")


@asynccontextmanager
async def desk(author: Author, folder: Path) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A conversation with the agent, in writing."""
    flows = folder / "flows"
    flows.mkdir()
    (flows / "desk.yaml").write_text(FLOW)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", author.answer)
    async with hosting(app) as url:
        env = {
            "DATA_DIR": str(folder / "data"), "DIALOG_DIR": str(flows), "WORKERS": "0",
            "TTS_BACKEND": "espeak", "LLM_BACKEND": "compatible", "LLM_URL": f"{url}/v1",
            "LLM_MODEL": "m",
        }  # fmt: skip
        async with service(env=env) as (http, _):
            http.headers.update(TOKEN)
            async with http.post(SESSIONS, json={"dialog": "desk"}) as begun:
                id_ = (await begun.json())["id"]
            async with http.ws_connect(f"{SESSIONS}/{id_}/ws") as socket:
                yield socket


async def say(socket: aiohttp.ClientWebSocketResponse, text: str) -> None:
    event = {"type": "speech", "text": text}
    await socket.send_json({"type": "send", "id": text, "event": event})


async def said(socket: aiohttp.ClientWebSocketResponse, text: str) -> None:
    """Wait until something is said."""
    async with asyncio.timeout(20):
        while text not in await socket.receive_str():
            pass


async def test_it_speaks_before_the_answer_ends_and_who_interrupts_it_stops_the_model(
    tmp_path: Path,
) -> None:
    author = Author()
    async with desk(author, tmp_path) as socket:
        await say(socket, "When do you open?")
        await said(socket, "At five.")
        assert not author.go_on.is_set()
        author.go_on.set()
        await said(socket, "And we close at ten.")
        await say(socket, "Tell me a tale.")
        await until(lambda: len(author.prompts) == 2)
        await say(socket, "Stop!")
        await until(author.left.is_set)
        await until(lambda: len(author.prompts) == 3)
    told = [message["content"] for message in author.prompts[-1][1:]]
    assert told[:3] == ["Good evening.", "When do you open?", "At five. And we close at ten."]
    assert told[-1] == "Stop!"
