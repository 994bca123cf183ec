"""`/api/tts_streaming` of Kyutai's `moshi-server`, as its source has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager

import msgpack
from aiohttp import web

from tests.peers.engines.mouth import say
from tests.peers.engines.server import Mischief, Server, serving
from transcriber.audio.block import SAMPLES, SECONDS
from transcriber.engines.stt.wire import Message

__all__ = ["FULL", "speech"]

FULL = "full"
"""The voice for which there is no free channel."""


def speech(mischief: Mischief | None = None) -> AbstractAsyncContextManager[Server]:
    return serving("/api/tts_streaming", Speech, mischief)


class Speech:
    def __init__(self, request: web.Request) -> None:
        assert request.query["format"] == "PcmMessagePack"
        self.over = False
        self._full = FULL in request.query["voice"]
        self._text: list[str] = []

    def greet(self) -> Iterable[Message]:
        if self._full:
            yield _pack(type="Error", message="no free channels")
            self.over = True
        else:
            yield _pack(type="Ready")

    def hear(self, message: Message) -> Iterator[Message]:
        assert isinstance(message, bytes)
        match msgpack.unpackb(message):
            case {"type": "Text", "text": str(text)}:
                self._text.append(text)
            case {"type": "Eos"}:
                yield from self._sound(" ".join(self._text))
                self.over = True

    def _sound(self, text: str) -> Iterator[Message]:
        sound = say(text)
        for at in range(0, len(sound), SAMPLES):
            yield _pack(type="Audio", pcm=sound[at : at + SAMPLES].tolist())
            yield _pack(type="Text", text="w", start_s=at * SECONDS, stop_s=(at + 1) * SECONDS)


def _pack(**body: object) -> bytes:
    packed: bytes = msgpack.packb(body, use_single_float=True)
    return packed
