"""`vosk-server`'s WebSocket: an answer to each message but the configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from tests.peers.engines.ear import Ear, Said
from tests.peers.engines.server import Mischief, Server, serving
from transcriber.engines.stt.wire import Message

__all__ = ["vosk_server"]


def vosk_server(mischief: Mischief | None = None) -> AbstractAsyncContextManager[Server]:
    return serving("/", VoskServer, mischief)


class VoskServer:
    def __init__(self, request: web.Request) -> None:
        self.over = False
        self._ear = Ear(8_000)
        self._partial = ""

    def greet(self) -> Iterable[Message]:
        return ()

    def hear(self, message: Message) -> Iterator[Message]:
        if isinstance(message, str) and "config" in message:
            self._ear = Ear(json.loads(message)["config"]["sample_rate"])
        elif message == '{"eof" : 1}':
            self.over = True
            yield next((_sentence(said) for said in self._ear.over()), '{"text": ""}')
        else:
            assert isinstance(message, bytes)
            yield self._answer(list(self._ear.pcm(message)))

    def _answer(self, heard: list[Said]) -> str:
        for said in heard:
            self._partial = "" if said.final else said.text
            if said.final:
                return _sentence(said)
        return json.dumps({"partial": self._partial})


def _sentence(said: Said) -> str:
    result = [
        {"conf": 0.9, "start": word.start, "end": word.end, "word": word.text}
        for word in said.words
    ]
    return json.dumps({"result": result, "text": said.text}, indent=2)
