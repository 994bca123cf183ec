"""What a receiver may do to the sender, over real sockets: send it elsewhere, flood it, hang."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from transcriber.web.server import listen
from webhooks.sender import Post, http_post

LONG = 10_000_000


class Receiver:
    """Answers badly, and knows how much it came to."""

    def __init__(self) -> None:
        self.followed = 0
        self.sent = 0
        self.hanging = asyncio.Event()

    async def move(self, _: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/counts"})

    async def count(self, _: web.Request) -> web.Response:
        self.followed += 1
        return web.Response()

    async def flood(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = LONG
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while self.sent < LONG:
                await response.write(b"x" * 100_000)
                self.sent += 100_000
        return response

    async def hang(self, _: web.Request) -> web.Response:
        await self.hanging.wait()
        return web.Response()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/moved", self.move)
        app.router.add_route("*", "/counts", self.count)
        app.router.add_post("/long", self.flood)
        app.router.add_post("/hangs", self.hang)
        return app


@asynccontextmanager
async def sender(
    receiver: Receiver, *, limit: float = 10.0, kept: int = 100
) -> AsyncIterator[tuple[Post, str]]:
    async with (
        listen(receiver.app(), "127.0.0.1", 0) as url,
        aiohttp.ClientSession() as session,
    ):
        yield http_post(session, limit=limit, kept=kept), url
        receiver.hanging.set()


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    receiver = Receiver()
    async with sender(receiver) as (post, url):
        reply = await post(f"{url}/moved", {}, b"{}")
    assert (reply.status, reply.error, reply.accepted) == (302, "status 302", False)
    assert receiver.followed == 0


async def test_of_a_long_answer_the_beginning_is_kept_and_the_rest_is_not_waited_for() -> None:
    receiver = Receiver()
    async with sender(receiver, kept=100) as (post, url):
        reply = await post(f"{url}/long", {}, b"{}")
    assert (reply.status, reply.response) == (200, "x" * 100)
    assert receiver.sent < LONG


async def test_an_answer_that_does_not_come_is_told_as_timed_out() -> None:
    async with sender(Receiver(), limit=0.2) as (post, url):
        reply = await post(f"{url}/hangs", {}, b"{}")
    assert (reply.status, reply.error) == (None, "timed out")
    assert 0.2 <= reply.duration < 5
