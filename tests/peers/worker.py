"""A worker for the tests: tells what it is asked to do, and misbehaves when a room says so."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from aiohttp import WSMsgType, web

from tests.fakes.place import Places
from tests.fakes.stt import FakeStt
from transcriber.bus.memory import Bus
from transcriber.events import CallStarted, Event, Started
from transcriber.session.attendant import Attendant
from transcriber.session.wishes import Wish
from transcriber.session.worker import Worker
from transcriber.web.routes import PUBLIC, Route
from transcriber.web.server import application, listen_here


class Telling(Attendant):
    """Publishes what it is told to do."""

    def __init__(self, bus: Bus, ended: Callable[[str], object]) -> None:
        super().__init__(Places().connect, stt=FakeStt(), bus=Bus(), ended=ended)
        self.bus, self.ended = bus, ended
        self.ballast = b""

    def say(self, what: str, room: str) -> None:
        data = Started(room=room, protocol=what, caller_id=str(os.getpid()))
        self.bus.publish(CallStarted(session_id=room, data=data))

    def start(self, room: str, wish: Wish) -> None:
        self.say(f"started {wish.language}", room)
        match room:
            case "hang":
                time.sleep(60)
            case "big":
                self.ballast = bytes(range(256)) * 1_000_000
            case "short":
                self.ended(room)
            case "last":
                for number in range(1000):
                    self.say(str(number), room)
                asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), 9)

    def stop(self, room: str) -> None:
        self.say("stopped", room)
        super().stop(room)

    def close(self) -> None:
        self.say("closed", "")
        super().close()


async def answer(request: web.Request) -> web.StreamResponse:
    """Say who we are, and what we were asked."""
    if request.headers.get("Upgrade") == "websocket":
        return await talk(request)
    body = await request.read()
    headers = {"X-Process": str(os.getpid())}
    if request.match_info["rest"] == "die":
        os.kill(os.getpid(), 9)
    return web.Response(body=request.method.encode() + b" " + body, status=201, headers=headers)


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Repeat everything; close when that is said."""
    ws = web.WebSocketResponse(protocols=["echo"])
    await ws.prepare(request)
    async for message in ws:
        match message.type:
            case WSMsgType.TEXT if message.data == "close":
                await ws.close(code=4001)
            case WSMsgType.TEXT:
                await ws.send_str(f"{os.getpid()} {message.data}")
            case WSMsgType.BINARY:
                await ws.send_bytes(message.data)
    return ws


ROUTES = [
    Route(method, "/api/v1/rooms/{room_id}/{rest}", answer, PUBLIC, "Echo")
    for method in ("GET", "POST", "DELETE")
]


async def main(path: str) -> None:
    bus = Bus()
    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(Worker(lambda: {"n": 1}, beat=0.1))
        bus.subscribe(Event, worker.happened)
        attending = worker.attend("talk", lambda ended: Telling(bus, ended), lambda room: None)
        await stack.enter_async_context(attending)
        await stack.enter_async_context(listen_here(application(ROUTES, {}), path))
        await worker.work()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
