"""OpenAI's speech by request, as its reference has it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from aiohttp import web

from tests.peers.engines.mouth import Asked, Trouble, answering, cut, say, send
from tests.peers.engines.server import Mischief
from transcriber.audio import wav
from transcriber.audio.block import RATE

__all__ = ["speech"]


def speech(
    mischief: Mischief | None = None, *, content_type: str = "audio/pcm", rate: int = RATE
) -> AbstractAsyncContextManager[Asked]:
    """Say everything; in another rate or format than was asked for, if the type says so."""

    async def answer(
        request: web.Request, body: dict[str, Any], trouble: Trouble
    ) -> web.StreamResponse:
        assert set(body) <= {"model", "input", "voice", "response_format", "speed"}
        assert body["input"].strip()
        assert body["response_format"] == "pcm"
        samples = say(body["input"], speed=body.get("speed", 1.0), rate=rate)
        data = wav.encode(samples, rate) if "wav" in content_type else wav.pcm16(samples)
        return await send(request, trouble, cut(data), content_type)

    return answering("/v1/audio/speech", answer, mischief)
