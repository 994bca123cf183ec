"""Requests of dialogs: what is sent, what may come back."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from dialogs.errors import HookFailed
from dialogs.ports import Request
from transcriber.connectors.hooks import Web

HOOK = Request("https://hook.example/x", b"{}", headers={"X-Key": "1"}, timeout=3.0, limit=100)


@asynccontextmanager
async def answering(answer: Callable[[httpx.Request], httpx.Response]) -> AsyncIterator[Web]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        yield Web(client)


async def test_the_request_goes_out_as_it_is_and_the_answer_comes_back() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503, stream=_Stream(b"busy"))

    async with answering(answer) as web:
        response = await web.send(HOOK)
    assert (response.status, response.body) == (503, b"busy")
    (request,) = seen
    assert (request.method, request.content, str(request.url)) == ("POST", b"{}", HOOK.url)
    assert request.headers["X-Key"] == "1"
    assert request.headers["Accept-Encoding"] == "identity"


async def test_no_more_is_read_than_may_come() -> None:
    read = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 60

    async with answering(lambda request: httpx.Response(200, content=flood())) as web:
        with pytest.raises(HookFailed, match="more than 100 bytes") as caught:
            await web.send(HOOK)
    assert not caught.value.retryable
    assert read == 2


async def test_a_small_answer_does_not_become_a_large_one() -> None:
    bomb = zlib.compress(b"x" * 10_000_000)
    answer = httpx.Response(200, headers={"Content-Encoding": "deflate"}, stream=_Stream(bomb))
    async with answering(lambda request: answer) as web:
        with pytest.raises(HookFailed, match="compressed"):
            await web.send(HOOK)


class _Stream(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


@pytest.mark.parametrize(
    ("failure", "says", "again"),
    [
        (httpx.ConnectError("10.0.0.1 may not be connected to"), "may not", True),
        (httpx.ReadTimeout(""), "no answer within 3 s", True),
        (httpx.RemoteProtocolError(""), "RemoteProtocolError", True),
        (httpx.UnsupportedProtocol("no http"), "no usable address", False),
    ],
)
async def test_what_goes_wrong_is_told(failure: Exception, says: str, again: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise failure

    async with answering(answer) as web:
        with pytest.raises(HookFailed, match=says) as caught:
            await web.send(HOOK)
    assert caught.value.retryable is again


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://a", "http://a:b", "file:///etc/passwd"])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(HookFailed, match="no usable address"):
            await Web(client).send(Request(url))


async def test_cancelling_ends_the_request() -> None:
    async def slow() -> AsyncIterator[bytes]:
        await asyncio.sleep(1e6)
        yield b""

    async with answering(lambda request: httpx.Response(200, content=slow())) as web:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await web.send(HOOK)
