"""IBM Watson's `/v1/synthesize`, as its documentation says."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any
from xml.etree import ElementTree

from aiohttp import web

from tests.peers.engines.ibm import TOKEN
from tests.peers.engines.mouth import Asked, Trouble, answering, cut, say, send
from tests.peers.engines.server import Mischief
from transcriber.audio import wav

__all__ = ["speech"]


def speech(mischief: Mischief | None = None) -> AbstractAsyncContextManager[Asked]:
    """Say everything that is XML, to whoever has a token."""

    async def answer(
        request: web.Request, body: dict[str, Any], trouble: Trouble
    ) -> web.StreamResponse:
        assert set(body) == {"text"}
        if request.headers["Authorization"] != f"Bearer {TOKEN}":
            return web.Response(status=401)
        kind, rate = request.headers["Accept"].split(";rate=")
        assert kind == "audio/l16"
        text = "".join(ElementTree.fromstring(f"<speak>{body['text']}</speak>").itertext())
        data = wav.pcm16(say(text, rate=int(rate)))
        return await send(request, trouble, cut(data), f"audio/l16;rate={rate};channels=1")

    return answering("/v1/synthesize", answer, mischief)
