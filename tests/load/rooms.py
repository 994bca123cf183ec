"""
Many who come at once, and many who come and go: how long it takes, and what stays behind.

    python -m tests.load.rooms --joins 50 --cycles 1000 --json

The room is a service of its own, in one process; the participants are here, over real ICE, DTLS and
SRTP. First `--joins` people come within five seconds, each sends and gets what all others send.
Then people come, send, get, and leave, and the memory of the service is looked at meanwhile. All is
in a network of its own, which only root may make.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import numpy as np
import structlog

from tests.load import report
from tests.load.sfu import ADMIN, ENV, PATIENCE, Participant, people
from tests.network import own_network
from tests.peers import until
from tests.peers.service import service
from transcriber.rtc import Media

STORM = 5.0
"""Seconds within which everybody comes."""
BATCH = 10
"""Who comes and goes at the same time."""
WARM = 3_000
"""
People who come and go before memory must not grow: the last 2,000 events are remembered, and who
has gone for 45 seconds.
"""
QUIET = 1.0
"""Seconds until what was left is looked at."""
MANY = {"MAX_ROOMS_PER_NODE": "1000", "ROOM_EMPTY_SECONDS": "3", "API_RATE": "1000"}

Figures = dict[str, float]


async def storm(http: aiohttp.ClientSession, room: str, token: str, joins: int) -> Figures:
    """Let people come all at once; seconds until each gets all others, and none is lost."""
    loop = asyncio.get_running_loop()
    times: list[float] = []

    async def come(place: int) -> Participant:
        await asyncio.sleep(STORM * place / joins)
        began = loop.time()
        (who,) = await people(stack, http, media, room, 1)
        await who.join(token)
        times.append(loop.time() - began)
        await who.publish()
        return who

    async with Media() as media, AsyncExitStack() as stack:
        began = loop.time()
        here = await asyncio.gather(*map(come, range(joins)))
        published = loop.time() - began
        await until(lambda: all(len(who.gets) == joins - 1 for who in here), seconds=PATIENCE)
        await until(lambda: all(who.subscriber.link for who in here), seconds=PATIENCE)
        everything = loop.time() - began
        errors = sum(len(who.find("error")) + len(who.find("closed")) for who in here)
    return {
        "join_ms_p95": 1000 * sorted(times)[int(0.95 * len(times))],
        "published_s": published,
        "everybody_gets_all_s": everything,
        "storm_errors": errors,
    }


async def visit(http: aiohttp.ClientSession, media: Media, room: str, token: str) -> None:
    """Come, send, get what another sends, and leave."""
    async with AsyncExitStack() as stack:
        pair = await people(stack, http, media, room, 2)
        for who in pair:
            await who.join(token)
            await who.publish()
        await until(lambda: all(who.gets and who.subscriber.link for who in pair), seconds=60)
        for who in pair:
            await who.ask("leave", "closed")


async def come_and_go(
    warm: int, cycles: int, pid: int, once: Callable[[Media], Awaitable[None]]
) -> Figures:
    """Let people come and go; what that leaves behind in the service."""
    async with Media() as media:
        for _ in range(max(1, warm // BATCH)):
            await asyncio.gather(*(once(media) for _ in range(BATCH // 2)))
        await asyncio.sleep(QUIET)
        before, memory = descriptors(pid), []
        for _ in range(max(2, cycles // BATCH)):
            await asyncio.gather(*(once(media) for _ in range(BATCH // 2)))
            memory.append(resident(pid))
        await asyncio.sleep(QUIET)
        left = descriptors(pid) - before
    slope = float(np.polyfit(np.arange(len(memory)) * BATCH, memory, 1)[0])
    return {
        "cycles": len(memory) * BATCH,
        "rss_kb_per_cycle": slope / 1000,
        "rss_mb_begin": memory[0] / 1e6,
        "rss_mb_end": memory[-1] / 1e6,
        "descriptors_left": left,
    }


def child() -> int:
    """Return the process that we started."""
    return int(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()[0])


def resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


async def run(joins: int, warm: int, cycles: int) -> Figures:
    async with service(env=ENV | MANY) as (http, _):
        pid = child()

        async def room() -> tuple[str, str]:
            async with http.post("/api/v1/rooms", json={}, headers=ADMIN) as answer:
                id_ = (await answer.json())["id"]
            path = f"/api/v1/rooms/{id_}/tokens"
            async with http.post(path, json={"ttl_s": 86_400}, headers=ADMIN) as answer:
                return id_, (await answer.json())["token"]

        async def once(media: Media) -> None:
            await visit(http, media, *await room())

        figures = await storm(http, *await room(), joins) if joins else {}
        return figures | (await come_and_go(warm, cycles, pid, once) if cycles else {})


def main() -> int:
    options = report.parser(__doc__ or "")
    options.add_argument("--joins", type=int, default=50, help="who come within five seconds")
    options.add_argument("--cycles", type=int, default=1_000, help="who come and go")
    options.add_argument("--warm", type=int, default=WARM, help="who does so before")
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with own_network():
        figures = asyncio.run(run(given.joins, given.warm, given.cycles))
    bars = []
    if given.joins:
        bars.append(report.Bar("storm_errors", figures["storm_errors"], "==", 0))
    if given.cycles:
        bars.append(report.Bar("descriptors_left", figures["descriptors_left"], "<=", 2))
        bars.append(report.Bar("rss_kb_per_cycle", figures["rss_kb_per_cycle"], "<=", 2))
    return report.finish("rooms", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
