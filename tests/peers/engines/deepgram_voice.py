"""Deepgram's speech by request, as its reference has it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from aiohttp import web

from tests.peers.engines.mouth import Asked, Trouble, answering, cut, say, send
from tests.peers.engines.server import Mischief
from transcriber.audio import wav

__all__ = ["speech"]


def speech(mischief: Mischief | None = None) -> AbstractAsyncContextManager[Asked]:
    """Say everything, in the rate that was asked for."""

    async def answer(
        request: web.Request, body: dict[str, Any], trouble: Trouble
    ) -> web.StreamResponse:
        assert set(body) == {"text"}
        query = request.query
        assert (query["encoding"], query["container"]) == ("linear16", "none")
        data = wav.pcm16(say(body["text"], rate=int(query["sample_rate"])))
        return await send(request, trouble, cut(data), "audio/l16")

    return answering("/v1/speak", answer, mischief)
