"""Our GPU service's `/v1/stream`, and `moshi-server`, as far as a client can tell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

import msgpack
import numpy as np
from aiohttp import web

from tests.peers.engines.ear import Ear, Said
from tests.peers.engines.server import Mischief, Server, serving
from transcriber.engines.stt.wire import Message

__all__ = ["own_service", "stock_server"]


FORMATS = ("f32", "s16", "opus")


def own_service(
    mischief: Mischief | None = None, *, formats: Sequence[str] = FORMATS
) -> AbstractAsyncContextManager[Server]:
    return serving("/v1/stream", partial(OwnService, formats=formats), mischief)


def stock_server(mischief: Mischief | None = None) -> AbstractAsyncContextManager[Server]:
    return serving("/api/asr-streaming", StockServer, mischief)


class OwnService:
    def __init__(self, request: web.Request, *, formats: Sequence[str]) -> None:
        self.over = False
        self._formats = formats
        self._ear = Ear(24_000)
        self._format = request.query.get("format", "f32")

    def greet(self) -> Iterable[Message]:
        yield _json("ready", slot=1, formats=self._formats)

    def hear(self, message: Message) -> Iterator[Message]:
        if isinstance(message, bytes):
            if self._format == "opus":
                return
            data = np.frombuffer(message, "<f4") if self._format == "f32" else None
            for said in self._ear.pcm(message) if data is None else self._ear.hear(data):
                yield from self._tell(said)
        elif json.loads(message)["type"] == "flush":
            rest = self._rest()
            yield _json("flushed", text=rest, final=True, id=json.loads(message)["id"])
        else:
            self.over = True
            yield _json("end", text=self._rest(), final=True, reason="ended")

    def _tell(self, said: Said) -> Iterator[Message]:
        first, last = said.words[0], said.words[-1]
        if said.final:
            times = {"start": first.start, "end": last.end, "time": said.at}
            yield _json("segment", text=said.text, final=True, vad_end=True, **times)
            return
        if len(said.words) == 1:
            yield _json("speech", time=first.start)
        yield _json("word", text=last.text, start=last.start, end=last.end)

    def _rest(self) -> str:
        return " ".join(said.text for said in self._ear.over())


def _json(
    kind: str, *, text: str = "", final: bool = False, vad_end: bool = False, **more: object
) -> str:
    return json.dumps({"type": kind, "text": text, "final": final, "vad_end": vad_end} | more)


class StockServer:
    """Words half a second late, pause scores with every step, markers when they are due."""

    def __init__(self, request: web.Request) -> None:
        self.over = False
        self._ear = Ear(24_000)

    def greet(self) -> Iterable[Message]:
        yield _pack(type="Ready")

    def hear(self, message: Message) -> Iterator[Message]:
        assert isinstance(message, bytes)
        match msgpack.unpackb(message):
            case {"type": "Audio", "pcm": list(pcm)}:
                heard = list(self._ear.hear(np.array(pcm, np.float32)))
                pause = 0.9 if any(said.final for said in heard) else 0.1
                for said in heard:
                    if not said.final:
                        last = said.words[-1]
                        yield _pack(type="Word", text=last.text, start_time=last.start)
                        yield _pack(type="EndWord", stop_time=last.end)
                yield _pack(type="Step", step_idx=self._ear.frames, prs=[pause] * 4, buffered_pcm=0)
            case {"type": "Marker", "id": marker}:
                yield _pack(type="Marker", id=marker)


def _pack(**body: object) -> bytes:
    packed: bytes = msgpack.packb(body)
    return packed
