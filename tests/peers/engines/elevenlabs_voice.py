"""ElevenLabs' `stream-input`, as its reference has it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from tests.peers.engines.mouth import say
from tests.peers.engines.server import Mischief, Server, serving
from transcriber.audio import wav
from transcriber.engines.stt.wire import Message

__all__ = ["speech"]

PIECE = 5_555
"""Bytes of a piece: no whole number of samples."""


def speech(mischief: Mischief | None = None) -> AbstractAsyncContextManager[Server]:
    return serving("/v1/text-to-speech/{voice}/stream-input", Speech, mischief)


class Speech:
    def __init__(self, request: web.Request) -> None:
        assert request.query["output_format"] == "pcm_24000"
        self.over = False
        self._key = request.headers["xi-api-key"]
        self._speed = 1.0
        self._text: list[str] = []

    def greet(self) -> Iterable[Message]:
        return ()

    def hear(self, message: Message) -> Iterator[Message]:
        event = json.loads(message)
        if self._key == "wrong":
            error = {"message": "Invalid API key", "error": "invalid_api_key", "code": 1008}
            yield json.dumps(error)
            self.over = True
        elif not event["text"]:
            yield from self._sound(" ".join(self._text))
            yield json.dumps({"audio": None, "isFinal": True})
            self.over = True
        elif event["text"] == " ":
            self._speed = event.get("voice_settings", {}).get("speed", 1.0)
        else:
            assert event["text"].endswith(" ")
            self._text.append(event["text"])

    def _sound(self, text: str) -> Iterator[Message]:
        data = wav.pcm16(say(text, speed=self._speed))
        for at in range(0, len(data), PIECE):
            audio = base64.b64encode(data[at : at + PIECE]).decode()
            yield json.dumps({"audio": audio, "isFinal": None, "alignment": {"chars": []}})
