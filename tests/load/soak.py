"""
A week of an organisation in an hour: does anything pile up?

500 people who have 2.5 meetings of five on each of five working days come into 6,250 calls a week,
1,250 meetings. Here that many come and go in an hour, one meeting every 2.9 s: built-in rooms over
real ICE, DTLS and SRTP, five who come in, speak for a moment each, read captions of the embedded
recogniser, and leave. Every fifth meeting has a webhook of its own, a dialog in writing, and
somebody who listens to live events. What the service uses is what its own metrics say. It is looked
at all the time, and at rest before and after; memory's slope is that of a straight line, from when
as many are there as at its end.

    python -m tests.load.soak --minutes 60 --json
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web

from tests.load.report import Bar, finish, parser
from tests.load.speech import speech
from tests.peers.rtc import network
from tests.peers.service import service
from tests.peers.visitor import visiting
from tests.unit.transcriber.session.talks import DESK
from transcriber.audio.block import Samples
from transcriber.rtc import Clip, Media

PEOPLE, A_DAY, DAYS, SIZE = 500, 2.5, 5, 5
"""Of the organisation: people, meetings of each a day, working days, people in one meeting."""
MEETINGS = round(PEOPLE * A_DAY * DAYS / SIZE)
"""In a week, which is an hour here."""
EVERY = 3600 / MEETINGS
"""Seconds from one meeting to the next."""
EXTRAS = 5
"""Every so many meetings there is a webhook, a dialog and a listener."""
SPEAKS = 1.2
"""Seconds for which each of them speaks."""
BEGINS = 13.9
"""Where in the sample of the tests what they say begins."""
LOOK = 5.0
"""Seconds between two looks."""
WARM = 0.25
"""Share of the time after which memory must not grow."""
REST = 80.0
"""Seconds after which all of the last meetings is gone: who has just gone may come back for 45."""
PATIENCE = 60.0
"""Seconds after which a meeting has failed."""
HEADERS = {"Authorization": "Bearer s3cret"}
MEASURES = ("memory_bytes", "descriptors", "threads", "tasks")
SAMPLE = re.compile(r"^transcriber_(\w+) (\S+)$", re.MULTILINE)
BROKEN = (aiohttp.ClientError, OSError, TimeoutError, AssertionError, KeyError, ExceptionGroup)
"""What somebody meets who cannot come in or is thrown out."""


@dataclass
class Week:
    """The service, and what happened."""

    http: aiohttp.ClientSession
    eye: aiohttp.ClientSession
    """One connection, by which alone it is looked at: others come and go."""
    media: Media
    hook: str
    clip: Clip
    looks: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    done: int = 0
    failed: int = 0
    captions: int = 0

    async def look(self) -> dict[str, float]:
        """What the service uses now."""
        async with self.eye.get("/metrics", headers=HEADERS) as answer:
            found = dict(SAMPLE.findall(await answer.text()))
        return {name: float(found[name]) for name in MEASURES}

    async def watch(self) -> None:
        """Look again and again."""
        while True:
            self.looks.append((time.monotonic(), await self.look()))
            await asyncio.sleep(LOOK)

    async def meetings(self, seconds: float) -> None:
        """Let meetings begin for so long, and wait for the last ones."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(max(1, round(seconds / EVERY))):
                await asyncio.sleep(began + number * EVERY - time.monotonic())
                tasks.create_task(self._try(number))

    async def _try(self, number: int) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._meet(number)
            self.done += 1
        except BROKEN as error:
            self.failed += 1
            print(f"meeting {number}: {error!r}", file=sys.stderr, flush=True)

    async def _meet(self, number: int) -> None:
        room = (await self._post("/api/v1/rooms", {}))["id"]
        async with self._extras(number, room), asyncio.TaskGroup() as people:
            for place in range(SIZE):
                people.create_task(self._attend(room, place))
        if number % 2:  # the other rooms close by themselves
            async with self.http.delete(f"/api/v1/rooms/{room}", headers=HEADERS) as answer:
                assert answer.status == 204

    async def _attend(self, room: str, place: int) -> None:
        """Come in, hear the others, speak when it is one's turn, and leave."""
        wish = {"grants": ["join", "publish", "subscribe"]}
        token = (await self._post(f"/api/v1/rooms/{room}/tokens", wish))["token"]
        async with visiting(self.http, self.media, room) as me:
            await me.join(token, name=f"Person {place}")
            await me.say("captions", on=True)
            await me.publish()
            await asyncio.sleep(SPEAKS * place)
            me.sender.play(self.clip)
            await asyncio.sleep(SPEAKS * (SIZE - place) + 2)
            self.captions += len(me.find("caption"))
            if place % 2:  # the others are just gone
                await me.say("leave")

    @asynccontextmanager
    async def _extras(self, number: int, room: str) -> AsyncIterator[None]:
        """In some meetings, have a webhook, a dialog and a listener to events."""
        if number % EXTRAS:
            yield
            return
        begun = asyncio.ensure_future(self._begin(room))
        try:
            await asyncio.shield(begun)
            async with self.http.get("/api/v1/events", headers=HEADERS) as events:
                assert events.status == 200
                yield
        finally:  # the meeting may have failed; these programs have not
            hook, dialog = await begun
            path = f"/api/v1/dialogs/sessions/{dialog}"
            await self._post(f"{path}/events", {"type": "speech", "text": "Bob"}, status=200)
            await self._post(f"{path}/events", {"type": "left"}, status=200)
            async with self.http.delete(f"/api/v1/webhooks/{hook}", headers=HEADERS) as answer:
                assert answer.status == 204

    async def _begin(self, room: str) -> tuple[str, str]:
        """Begin a webhook and a dialog; returns their ids."""
        hook = await self._post("/api/v1/webhooks", {"url": self.hook, "rooms": [room]})
        dialog = await self._post("/api/v1/dialogs/sessions", {"dialog": "desk"})
        return hook["id"], dialog["id"]

    async def _post(self, path: str, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
        async with self.http.post(path, json=body, headers=HEADERS) as answer:
            assert answer.status == status, await answer.text()
            made: dict[str, Any] = await answer.json()
            return made


async def measure(minutes: float) -> dict[str, float]:
    """Return the figures."""
    async with AsyncExitStack() as stack:
        week = await _begin(stack)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(tasks.create_task(week.watch()).cancel)
        await week.meetings(minutes * 60 * WARM)
        await asyncio.sleep(REST)
        before, rest = await week.look(), minutes * 60 * (1 - WARM)
        busy = time.monotonic() + min(REST, rest / 2)
        await week.meetings(rest)
        looks = [(at, seen) for at, seen in week.looks if at >= busy]
        await asyncio.sleep(REST)
        after = await week.look()
    hours = np.array([at for at, _ in looks]) / 3600
    memory = np.array([seen["memory_bytes"] for _, seen in looks]) / 1e6
    return {
        "minutes": minutes,
        "days": DAYS * (week.done / MEETINGS) * 7 / 5,
        "meetings": week.done,
        "joins": week.done * SIZE,
        "failed": week.failed,
        "captions": week.captions,
        "rss_mb": after["memory_bytes"] / 1e6,
        "rss_mb_grown": (after["memory_bytes"] - before["memory_bytes"]) / 1e6,
        "rss_slope_mb_per_h": float(np.polyfit(hours, memory, 1)[0]),
        **{f"{name}_grown": after[name] - before[name] for name in MEASURES[1:]},
    }


async def _begin(stack: AsyncExitStack) -> Week:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    (folder / "desk.yaml").write_text(DESK)
    stack.enter_context(network())
    env = {
        "DIALOG_DIR": str(folder), "ROOM_EMPTY_SECONDS": "20", "API_RATE": "1000",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    }  # fmt: skip
    http, _ = await stack.enter_async_context(service(env=env))
    one = aiohttp.TCPConnector(limit=1)
    eye = await stack.enter_async_context(aiohttp.ClientSession(http._base_url, connector=one))
    media = await stack.enter_async_context(Media())
    hook = await _receiver(stack)
    return Week(http, eye, media, hook, Clip.of(_said()))


def _said() -> Samples:
    """A few words, and the silence after them."""
    words = speech()[round(BEGINS * 24_000) : round((BEGINS + SPEAKS) * 24_000)]
    return np.concatenate([words, np.zeros(2 * 24_000, np.float32)])


async def _receiver(stack: AsyncExitStack) -> str:
    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}/"


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--minutes", type=float, default=60.0)
    given = options.parse_args()
    figures = asyncio.run(measure(given.minutes))
    bars = [
        Bar("rss_slope_mb_per_h", figures["rss_slope_mb_per_h"], "<=", 1.0),
        *(Bar(f"{name}_grown", figures[f"{name}_grown"], "<=", 0) for name in MEASURES[1:]),
        Bar("captions", figures["captions"], ">=", figures["joins"]),
        Bar("failed", figures["failed"], "<=", figures["meetings"] / 100),
    ]
    return finish("soak", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
