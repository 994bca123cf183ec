"""
Two instances share a database and caption a call; the one that has the room is killed, told to
stop, or put to sleep. How long do readers wait for captions?

A real signaling server, Janus and PostgreSQL; the embedded recogniser; one person who speaks all
the time, and one who reads. Whatever he has read must arrive at a webhook, too.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web

import webhooks
from tests.load.report import Bar, finish, parser
from tests.peers.hpb_stack import HpbStack
from tests.peers.nextcloud import SECRET, Nextcloud
from tests.peers.postgres import postgres
from tests.peers.talk.captioned import ROOM, Reader, reading, sentence, speaks, talking
from tests.peers.talk.process import LOOPBACK, Process
from tests.peers.talk.programs import NEWEST
from tests.ports import free_port
from transcriber.store import Record, Store, open_store

__all__ = ["Hook", "Instance", "instance", "receiving", "torment"]

PLACE = f"talk/{ROOM}"
TAKEOVER = 15.0
"""Seconds within which captions have to go on."""
ASLEEP = 14.0
"""Seconds that a process is stopped: longer than a sign of life counts."""
ON_ITS_WAY = 0.3
"""Seconds after which captions that come are new."""
JOINING = 4.0
"""Seconds for an instance to say that it lives."""
DELIVERED = 60
"""Seconds for webhooks to arrive: what a dead instance was to deliver waits for half of that."""
FORGOTTEN = 45
"""Seconds after which the signaling server has forgotten somebody who is gone."""


class Instance:
    """One of those that share the work."""

    def __init__(
        self, stack: HpbStack, database: str, cloud: Nextcloud, folder: Path, **more: str
    ) -> None:
        """`more` are settings beyond the usual ones, or instead of them."""
        self.cloud = cloud
        port = free_port()
        environment = {
            "APP_ID": "live_transcription",
            "APP_SECRET": SECRET,
            "APP_HOST": LOOPBACK,
            "APP_PORT": str(port),
            "NEXTCLOUD_URL": f"{cloud.url}/index.php/",
            "LT_HPB_URL": stack.url,
            "LT_BACKEND_URL": stack.nextcloud.base_url,
            "LT_INTERNAL_SECRET": stack.internal_secret,
            "HTTP_PORT": "0",
            "DATABASE_URL": database,
            "DATA_DIR": str(folder),
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        } | more
        cloud.app_url = f"http://{LOOPBACK}:{port}"
        settings = [f"{name}={value}" for name, value in environment.items()]
        command = ["env", *settings, sys.executable, "-m", "transcriber", "serve"]
        self.process = Process(command, folder / f"{port}.log", cloud.alive)

    async def press(self, reader: str, room: str = ROOM) -> None:
        """Press the button for captions."""
        wish = {"roomToken": room, "ncSessionId": reader, "enable": True}
        status, _ = await self.cloud.call("POST", "/api/v1/call/transcribe", wish)
        assert status == 200


class Torment:
    """The call, the instances, and what was measured."""

    def __init__(self, store: Store, instances: list[Instance], reader: Reader) -> None:
        self._store, self._instances, self._reader = store, instances, reader

    async def owner(self) -> Instance:
        """The instance that has the room."""
        async with asyncio.timeout(30):
            while not (record := await self._record()):  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.05)
        address = f'"url": "{record.value["url"]}"'
        return next(one for one in self._instances if address in one.process.output)

    async def _record(self) -> Record | None:
        place = await self._store.get("place", PLACE)
        return await self._store.get("instance", place.value) if place else None

    async def captions_go_on(self) -> None:
        """Wait for words that were not there."""
        read = len(self._reader.captions)
        async with asyncio.timeout(60):
            while len(self._reader.captions) <= read:  # noqa: ASYNC110 - another task reads
                await asyncio.sleep(0.01)

    async def in_a_sentence(self) -> None:
        """Wait for words in a sentence: what was said before them has been kept by then."""
        await self.captions_go_on()
        while self._reader.captions[-1][2]:
            await self.captions_go_on()

    async def gap(self, fault: Callable[[Instance], None], *, back: float) -> float:
        """
        Do something to who has the room; seconds until words come again.

        Somebody else must have it then. The victim gets some time to come `back` or end.
        """
        victim = await self.owner()
        await self.in_a_sentence()
        began = time.monotonic()
        fault(victim)
        await asyncio.sleep(ON_ITS_WAY)
        async with asyncio.timeout(60):
            while await self.owner() is victim:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.05)
        await self.captions_go_on()
        gap = time.monotonic() - began
        await asyncio.sleep(back)
        if not victim.process.running:
            await victim.process.start()
            await asyncio.sleep(JOINING)
        return gap

    async def strangers(self, talk: HpbStack) -> float:
        """Wait until one bot is left beside the two people; how many more there are, if not."""
        many = 0.0
        for _ in range(FORGOTTEN):
            many = (await talk.stats())["sessions"] - 3
            if not many:
                break
            await asyncio.sleep(1)
        return many


def kill(victim: Instance) -> None:
    """End it and all its processes, without a word."""
    os.killpg(victim.process.pid, signal.SIGKILL)


def stop(victim: Instance) -> None:
    """Ask it to end."""
    victim.process.send(signal.SIGTERM)


def put_to_sleep(victim: Instance) -> None:
    """Stop it for longer than its signs of life count."""
    victim.process.send(signal.SIGSTOP)
    asyncio.get_running_loop().call_later(ASLEEP, victim.process.send, signal.SIGCONT)


FAULTS: dict[str, tuple[Callable[[Instance], None], float]] = {
    "kill": (kill, 1.0),
    "stop": (stop, 25.0),
    "sleep": (put_to_sleep, ASLEEP),
}
"""What is done to an instance, and the seconds until it is back or has ended."""


async def torment(
    folder: Path, faults: Collection[str] = tuple(FAULTS), rounds: int = 1
) -> dict[str, float]:
    """Return the figures: the longest gap for each fault."""
    async with AsyncExitStack() as stack:
        talk = await stack.enter_async_context(talking(NEWEST))
        server = stack.enter_context(postgres())
        store = await stack.enter_async_context(open_store(server.url))
        instances = [
            await stack.enter_async_context(instance(talk, server.url, folder)) for _ in "ab"
        ]
        reader = await stack.enter_async_context(reading(talk, "bob"))
        await stack.enter_async_context(speaks(talk, "ann", sentence(folder)))
        hook = await stack.enter_async_context(receiving(server.url))
        await instances[0].press("nc-bob")
        call = Torment(store, instances, reader)
        gaps = {
            f"{name}_gap_s": max([await call.gap(fault, back=back) for _ in range(rounds)])
            for name, (fault, back) in FAULTS.items()
            if name in faults
        }
        shown = [text for _, text, final in reader.captions if final]
        unaccounted = await hook.unaccounted(shown)
        strangers = await call.strangers(talk)
        return gaps | {
            "finals_shown": len(shown),
            "finals_sent": len(hook.finals),
            "finals_unaccounted": unaccounted,
            "strangers": strangers,
        }


class Hook:
    """A receiver of webhooks, and what people finally said according to it."""

    def __init__(self) -> None:
        self.finals: dict[str, str] = {}

    async def take(self, request: web.Request) -> web.Response:
        event = await request.json()
        self.finals[event["id"]] = event["data"]["transcript"]
        return web.Response()

    async def unaccounted(self, shown: list[str]) -> float:
        """Wait until all that was shown has arrived; how much did not, if it did not."""
        missing = 0
        for _ in range(DELIVERED):
            missing = (Counter(shown) - Counter(self.finals.values())).total()
            if not missing:
                break
            await asyncio.sleep(1)
        return missing


@asynccontextmanager
async def receiving(url: str) -> AsyncIterator[Hook]:
    """Receive webhooks, for an endpoint that is known to all instances."""
    hook, app = Hook(), web.Application()
    app.router.add_post("/", hook.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    address = f"http://{LOOPBACK}:{runner.addresses[0][1]}/"
    async with webhooks.open_store(url) as store:
        secret = webhooks.Secret(webhooks.new_secret())
        endpoint = webhooks.Endpoint("whk_1", address, (secret,), types=("speech.final",))
        await store.save(endpoint, now=time.time())
    try:
        yield hook
    finally:
        await runner.cleanup()


@asynccontextmanager
async def instance(
    talk: HpbStack, database: str, folder: Path, **more: str
) -> AsyncIterator[Instance]:
    async with Nextcloud().running() as cloud:
        cloud.state = 1
        one = Instance(talk, database, cloud, folder, **more)
        await one.process.start()
        try:
            yield one
        finally:
            await one.process.stop()


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--rounds", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(torment(Path(folder), rounds=given.rounds))
    gaps = [name for name in figures if name.endswith("gap_s")]
    bars = [Bar(name, figures[name], "<=", TAKEOVER) for name in gaps]
    bars += [Bar(name, figures[name], "==", 0) for name in ("finals_unaccounted", "strangers")]
    return finish("instances", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
