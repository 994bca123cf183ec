"""OpenAI's transcriptions by request and by the realtime interface, as its reference has them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from aiohttp import web

from tests.peers.engines.ear import Ear, Said
from tests.peers.engines.server import Mischief, Server, hosting, serving
from transcriber.audio import wav
from transcriber.engines.stt.wire import Message

__all__ = ["Requests", "realtime", "requests"]

SAYS = "He might even have been made amiable himself."
LOUD = 0.01


def realtime(mischief: Mischief | None = None) -> AbstractAsyncContextManager[Server]:
    return serving("/v1/realtime", Realtime, mischief)


@dataclass
class Requests:
    """What was seen of the clients."""

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    @property
    def connections(self) -> int:
        return len(self.forms)


@asynccontextmanager
async def requests(mischief: Mischief | None = None) -> AsyncIterator[Requests]:
    """Answer every utterance with the same sentence."""
    seen, trouble, over = Requests(), mischief or Mischief(), asyncio.Event()

    async def transcribe(request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        with file.file:
            samples, rate = wav.decode(file.file.read())
        assert rate == 16_000
        seen.forms.append({name: str(value) for name, value in form.items() if name != "file"})
        seen.keys.append(request.headers.get("Authorization", ""))
        if trouble.times > 0:
            trouble.times -= 1
            if answer := await _misbehave(trouble, request, over):
                return answer
        loud = float(np.abs(samples).mean()) > LOUD
        return web.json_response({"text": SAYS if loud else ""})

    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", transcribe)
    async with hosting(app) as url:
        seen.url = f"{url}/v1"
        yield seen
        over.set()


async def _misbehave(
    trouble: Mischief, request: web.Request, over: asyncio.Event
) -> web.Response | None:
    if trouble.hang_after is not None:
        await over.wait()
    if trouble.close_after is not None:
        half = web.StreamResponse(headers={"Content-Type": "application/json"})
        half.content_length = 100
        await half.prepare(request)
        await half.write(b'{"text": "He might')
    if trouble.close_after or trouble.cut_after:
        assert request.transport
        request.transport.abort()
    if trouble.garbage_after is not None:
        return web.Response(text="}{ nonsense")
    if trouble.status:
        return web.Response(status=trouble.status, headers=trouble.headers, text=trouble.body)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), trouble.slow + trouble.cold)
    return None


class Realtime:
    def __init__(self, request: web.Request) -> None:
        assert request.query["intent"] == "transcription"
        self.over = False
        self.session: dict[str, object] = {}
        self._ear = Ear(24_000)
        self._count = 0
        self._open = False

    @property
    def _item(self) -> str:
        return f"item_{self._count}"

    def greet(self) -> Iterable[Message]:
        yield json.dumps({"type": "session.created", "event_id": "e", "session": {}})

    def hear(self, message: Message) -> Iterator[Message]:
        event = json.loads(message)
        match event["type"]:
            case "session.update":
                self.session = event["session"]
                assert self.session["type"] == "transcription"
                yield json.dumps({"type": "session.updated", "session": self.session})
            case "input_audio_buffer.append":
                for said in self._ear.pcm(base64.b64decode(event["audio"])):
                    yield from self._tell(said)
            case "input_audio_buffer.commit":
                rest = list(self._ear.over())
                if not rest:
                    code = "input_audio_buffer_commit_empty"
                    error = {"type": "invalid_request_error", "code": code, "message": "empty"}
                    error["event_id"] = event.get("event_id", "")
                    yield json.dumps({"type": "error", "error": error})
                for said in rest:
                    yield from self._final(said)

    def _tell(self, said: Said) -> Iterator[Message]:
        if said.final:
            yield self._event(
                "input_audio_buffer.speech_stopped", audio_end_ms=_ms(said.words[-1].end)
            )
            yield from self._final(said)
        elif len(said.words) == 1:
            self._count += 1
            start = _ms(said.words[0].start)
            yield self._event("input_audio_buffer.speech_started", audio_start_ms=start)

    def _final(self, said: Said) -> Iterator[Message]:
        name = "conversation.item.input_audio_transcription"
        yield self._event("input_audio_buffer.committed", previous_item_id=None)
        for number, word in enumerate(said.words):
            delta = f" {word.text}" if number else word.text
            yield self._event(f"{name}.delta", content_index=0, delta=delta)
        yield self._event(f"{name}.completed", content_index=0, transcript=said.text)

    def _event(self, kind: str, **more: object) -> str:
        return json.dumps({"type": kind, "event_id": "e", "item_id": self._item} | more)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
