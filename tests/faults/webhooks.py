"""
Whether an acknowledged event can be lost.

Events are fed to a process that keeps and delivers them; the process is killed 20 times, while
a receiver fails often, hangs, and asks for pauses. With PostgreSQL the database crashes as well.
Afterwards every acknowledged event has arrived or is a dead letter. One that arrived twice must
have been on its way when something was killed. Within an endpoint and a session, first
deliveries must have come in the order in which the events were added. Then a disk is filled.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from aiohttp import web

from tests.faults.webhooks_disk import fill_a_disk
from tests.load.report import Bar, finish, parser
from tests.peers.postgres import Postgres, postgres
from webhooks import Endpoint, Secret, Store, new_secret, open_store, verify
from webhooks.errors import StoreError, Unverified

ENDPOINTS = 50
SESSIONS = 4
"""Sessions of each endpoint."""
IN_FLIGHT = 1.0
"""Seconds before a crash within which an answer may not have been recorded on disk."""
READ = 0.2
"""Seconds after one within which the receiver reads what was sent before."""
LONGEST = 300.0
"""Seconds after which a run has failed, whatever else it shows."""
AHEAD = 500
"""Events fed that the receiver has not seen yet, at most."""
SUMS = ("unaccounted", "duplicates_unexplained", "disordered_sessions", "forged")
"""Figures that must be 0 for both stores."""


@dataclass
class Receiver:
    """Fails as real ones do, and remembers what it has accepted."""

    secret: str
    trouble: random.Random
    accepted: dict[str, list[float]] = field(default_factory=dict)
    tried: dict[str, float] = field(default_factory=dict)
    order: dict[str, list[int]] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    forged: int = 0
    moods: dict[str, int] = field(default_factory=dict)

    async def reached(self, count: int) -> None:
        """Wait until so many events have been accepted."""
        while len(self.accepted) < count:
            self.news.clear()
            await self.news.wait()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            message_id = verify(request.headers, body, self.secret)
        except Unverified:
            self.forged += 1
            return web.Response(status=401)
        event = json.loads(body)
        if message_id not in self.tried:
            self.tried[message_id] = time.time()
            place = f"{request.path} {event['session']}"
            self.order.setdefault(place, []).append(event["number"])
        return await self._react(message_id)

    async def _react(self, message_id: str) -> web.StreamResponse:
        chance = self.trouble.random()
        if chance < 0.20:
            return self._mood("failed", web.Response(status=500))
        if chance < 0.25:
            self._mood("hung", web.Response())
            await asyncio.Event().wait()
        if chance < 0.28:
            return self._mood("throttled", web.Response(status=429, headers={"Retry-After": "1"}))
        if chance < 0.31:
            return self._mood("busy", web.Response(status=503, headers={"Retry-After": "1"}))
        self.accepted.setdefault(message_id, []).append(time.time())
        self.news.set()
        return self._mood("accepted", web.Response(text="thanks"))

    def _mood(self, name: str, response: web.Response) -> web.Response:
        self.moods[name] = self.moods.get(name, 0) + 1
        return response


class Victim:
    """Feeds a process, and starts it again when it was killed."""

    def __init__(self, url: str, events: list[bytes]) -> None:
        self._url = url
        self._events = events
        self._process: asyncio.subprocess.Process | None = None
        self.acknowledged = 0
        self.over = False

    async def run(self, receiver: Receiver) -> None:
        """Feed everything, whatever happens to the process, and keep it alive until it is over."""
        while not self.over:
            process = await self._start()
            await asyncio.gather(self._write(process, receiver), self._read(process))
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.faults.webhooks_victim",
            self._url,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return self._process

    async def _write(self, process: asyncio.subprocess.Process, receiver: Receiver) -> None:
        assert process.stdin
        sent = self.acknowledged
        with contextlib.suppress(ConnectionError):
            while sent < len(self._events) and process.returncode is None:
                if sent - len(receiver.tried) > AHEAD:
                    await asyncio.sleep(0.02)
                    continue
                process.stdin.writelines(self._events[sent : sent + 20])
                sent += 20
                await process.stdin.drain()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        while self.acknowledged < len(self._events):
            line = await process.stdout.readline()
            if not line.endswith(b"\n"):
                return
            if line.strip() != event_id(self.acknowledged).encode():
                raise RuntimeError(f"no acknowledgement of what was fed: {line.decode()}")
            self.acknowledged += 1

    async def kill(self) -> None:
        """Be as sudden as can be; the process is started again if there is more to feed."""
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


def event_id(number: int) -> str:
    return f"evt_{number:06}"


def make_events(count: int) -> list[bytes]:
    events = [
        {
            "id": event_id(number),
            "number": number,
            "type": "speech.final",
            "room": f"room {number % ENDPOINTS}",
            "session": f"session {number // ENDPOINTS % SESSIONS}",
        }
        for number in range(count)
    ]
    return [json.dumps(event).encode() + b"\n" for event in events]


@dataclass
class Torment:
    """One store, one run."""

    url: str
    events: int
    kills: int
    server: Postgres | None
    crashes: list[tuple[float, float]] = field(default_factory=list)

    async def run(self) -> dict[str, float]:
        receiver = Receiver(new_secret(), random.Random(7))
        victim = Victim(self.url, make_events(self.events))
        async with AsyncExitStack() as stack:
            port = await serve(receiver, stack)
            async with open_store(self.url) as store:
                await prepare(store, port, receiver.secret)
            feeding = asyncio.create_task(victim.run(receiver))
            stack.callback(feeding.cancel)
            await asyncio.wait_for(self._strike(victim, receiver), LONGEST)
            async with open_store(self.url) as store:
                dead = await self._settled(store, receiver)
            victim.over = True
            await victim.kill()
            await feeding
        return self._figures(receiver, dead, victim.acknowledged)

    async def _strike(self, victim: Victim, receiver: Receiver) -> None:
        for number in range(1, self.kills + 1):
            await receiver.reached(number * self.events // (self.kills + 1))
            began = time.time()
            if self.server and number == self.kills // 2:
                await self.server.restart(away=1)
                self.crashes.append((began, time.time()))
                began = time.time()
            await victim.kill()
            self.crashes.append((began, time.time()))

    async def _settled(self, store: Store, receiver: Receiver) -> set[str]:
        """Wait until nothing is pending any more; return what was buried."""
        for _ in range(600):
            dead: set[str] = set()
            with contextlib.suppress(StoreError):
                for number in range(ENDPOINTS):
                    name = f"whk_{number:03}"
                    letters = await store.deliveries(name, state="dead", limit=10_000)
                    dead |= {letter.message.id for letter in letters}
            if len(dead | receiver.accepted.keys()) >= self.events:
                await asyncio.sleep(1)
                return dead
            await asyncio.sleep(0.1)
        return dead

    def _figures(self, receiver: Receiver, dead: set[str], acknowledged: int) -> dict[str, float]:
        twice = [times for times in receiver.accepted.values() if len(times) > 1]
        disordered = sum(numbers != sorted(numbers) for numbers in receiver.order.values())
        return {
            "acknowledged": acknowledged,
            "accepted": len(receiver.accepted),
            "dead_letters": len(dead),
            "unaccounted": acknowledged - len(dead | receiver.accepted.keys()),
            "kills": len(self.crashes),
            "duplicates": sum(len(times) - 1 for times in twice),
            "duplicates_unexplained": sum(not self._explained(times) for times in twice),
            "disordered_sessions": disordered,
            "forged": receiver.forged,
            **{f"answers_{mood}": count for mood, count in receiver.moods.items()},
        }

    def _explained(self, times: list[float]) -> bool:
        """Whether something was killed soon after each acceptance that was repeated."""
        return all(
            any(began - IN_FLIGHT <= moment <= ended + READ for began, ended in self.crashes)
            for moment in times[:-1]
        )


async def serve(receiver: Receiver, stack: AsyncExitStack) -> int:
    app = web.Application()
    app.router.add_post("/{endpoint}", receiver.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return int(runner.addresses[0][1])


async def prepare(store: Store, port: int, secret: str) -> None:
    for number in range(ENDPOINTS):
        endpoint = Endpoint(
            f"whk_{number:03}",
            f"http://127.0.0.1:{port}/{number}",
            (Secret(secret),),
            channels=(f"room {number}",),
            max_rps=1000,
        )
        await store.save(endpoint, now=time.time())


async def torment(events: int, kills: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        sqlite = Torment(f"sqlite:///{folder}/hooks.db", events, kills, None)
        figures |= {f"sqlite_{key}": value for key, value in (await sqlite.run()).items()}
    with postgres() as server:
        database = Torment(server.url, events, kills, server)
        figures |= {f"postgres_{key}": value for key, value in (await database.run()).items()}
    return figures


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--events", type=int, default=10_000)
    options.add_argument("--kills", type=int, default=20)
    given = options.parse_args()
    began = time.time()
    figures = asyncio.run(torment(given.events, given.kills)) | fill_a_disk()
    for key in SUMS:
        figures[key] = figures[f"sqlite_{key}"] + figures[f"postgres_{key}"]
    figures["seconds"] = time.time() - began
    kills = min(figures["sqlite_kills"], figures["postgres_kills"])
    bars = [
        Bar(key, figures[key], "==", 0)
        for key in (*SUMS, "disk_full_lost", "disk_full_after_room_was_made")
    ]
    bars += [
        Bar("kills", kills, ">=", given.kills),
        Bar("disk_full_errors", figures["disk_full_errors"], ">=", 1),
    ]
    return finish("webhooks_faults", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
