"""IBM Watson's `/v1/recognize` and where its tokens are bought, as its documentation says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.peers.engines.ear import Ear, Said
from tests.peers.engines.server import Mischief, Server, hosting, serving
from transcriber.engines.stt.wire import Message

__all__ = ["KEY", "TOKEN", "Iam", "iam", "watson"]

KEY, TOKEN = "ibm-key", "token-of-an-hour"


@asynccontextmanager
async def watson(mischief: Mischief | None = None) -> AsyncIterator[Server]:
    """The service, and a counter beside it."""
    counter = web.post("/identity/token", Iam().sell)
    async with serving("/v1/recognize", Watson, mischief, beside=[counter]) as server:
        server.url = server.url.removesuffix("/v1/recognize")
        yield server


@dataclass
class Iam:
    """The counter where tokens are sold."""

    url: str = ""
    sold: int = 0
    status: int = 200
    lasts: float = 3_600.0
    answer: dict[str, object] = field(default_factory=dict)

    async def sell(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == "urn:ibm:params:oauth:grant-type:apikey"
        if self.status != 200 or form["apikey"] != KEY:
            return web.json_response({}, status=400 if self.status == 200 else self.status)
        self.sold += 1
        token = {"access_token": TOKEN, "expires_in": self.lasts, "token_type": "Bearer"}
        return web.json_response(self.answer or token)


@asynccontextmanager
async def iam() -> AsyncIterator[Iam]:
    counter, app = Iam(), web.Application()
    app.router.add_post("/identity/token", counter.sell)
    async with hosting(app) as url:
        counter.url = f"{url}/identity/token"
        yield counter


class Watson:
    def __init__(self, request: web.Request) -> None:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.over = False
        self._ear: Ear | None = None
        self._interims = False

    def greet(self) -> Iterable[Message]:
        return ()

    def hear(self, message: Message) -> Iterator[Message]:
        if isinstance(message, bytes):
            if self._ear is None:
                yield json.dumps({"error": "there is no recognition for this audio"})
                return
            for said in self._ear.pcm(message):
                if said.final or self._interims:
                    yield self._results(said)
            return
        request = json.loads(message)
        match request["action"]:
            case "start":
                assert self._ear is None
                rate = request["content-type"].partition("rate=")[2].partition(";")[0]
                self._ear, self._interims = Ear(int(rate)), request["interim_results"]
                yield json.dumps({"state": "listening"})
            case "stop":
                assert self._ear is not None
                yield from map(self._results, self._ear.over())
                self._ear = None
                yield json.dumps({"state": "listening"})
            case kind:
                assert kind == "no-op"

    def _results(self, said: Said) -> str:
        words = [("%HESITATION", said.words[0].start, said.words[0].start)]
        words += [(word.text, word.start, word.end) for word in said.words]
        best: dict[str, object] = {
            "transcript": " ".join(text for text, _, _ in words) + " ",
            "timestamps": words,
        }
        if said.final:
            best |= {"confidence": 0.9, "word_confidence": [(text, 0.8) for text, _, _ in words]}
        results = [{"final": said.final, "alternatives": [best]}]
        return json.dumps({"result_index": 0, "results": results})
