"""
A captioned call in which something breaks every few seconds.

Two rooms, each with somebody who speaks all the time and somebody who reads; a real signaling
server, Janus and PostgreSQL on a small disk, two workers, a GPU service and its fallback. Something
is killed, stopped, cut, delayed, garbled or filled; then both rooms must get new captions and a
webhook must arrive again. At the end every final sentence that anybody has seen must be in the
transcripts, and delivered or in the dead letters, and nothing may have piled up.

    python -m tests.faults.chaos --minutes 20 --seed 1 --json

Only root can run it: it needs a network and a disk of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import webhooks
from tests.faults.town import ROOMS, Town, small_disk
from tests.load.report import Bar, finish, parser
from tests.peers.speech import convert, samples
from tests.peers.talk.process import Process
from transcriber.transcripts.archive import Archive

__all__ = ["FAULTS", "chaos"]

RECOVERY = 15.0
"""Seconds within which everything works again, once what broke is back."""
GIVEN_UP = 90.0
"""Seconds after which a room is dead."""
PAUSE = (1.0, 6.0)
"""Seconds from a recovery to the next fault: with what faults take, one every 5 to 20 s."""
ASLEEP = 10.0
"""Seconds for which a process is stopped."""
AWAY = 3.0
"""Seconds for which a server is away, a disk full, or a stretch of network bad."""
ON_ITS_WAY = 0.3
"""Seconds after which captions that come are new."""
SETTLE = 60
"""Seconds for the last webhooks to arrive."""
PILED_UP = 30
"""Descriptors beyond those at the start that are no leak: connections come and go."""

Fault = Callable[[Town, random.Random], Awaitable[None]]
FAULTS: dict[str, Fault] = {}
"""By name; each returns when what it broke is back."""


def fault(break_: Fault) -> Fault:
    """Let something happen."""
    FAULTS[break_.__name__] = break_
    return break_


@fault
async def kill_a_worker(town: Town, chance: random.Random) -> None:
    os.kill(chance.choice(town.tree.children()), signal.SIGKILL)


@fault
async def stop_a_worker(town: Town, chance: random.Random) -> None:
    await _asleep(chance.choice(town.tree.children()))


@fault
async def stop_the_service(town: Town, chance: random.Random) -> None:
    await _asleep(town.tree.root)


@fault
async def kill_the_signaling_server(town: Town, chance: random.Random) -> None:
    await _again(town.talk.server)
    town.people_come_back()


@fault
async def kill_janus(town: Town, chance: random.Random) -> None:
    await _again(town.talk.janus)
    await town.talk.server.ready()
    town.people_come_back()


@fault
async def crash_the_database(town: Town, chance: random.Random) -> None:
    await town.database.restart(away=AWAY)


@fault
async def fill_the_disk(town: Town, chance: random.Random) -> None:
    ballast = town.disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)):
            pass
    await asyncio.sleep(AWAY)
    ballast.unlink(missing_ok=True)


@fault
async def kill_the_gpu_service(town: Town, chance: random.Random) -> None:
    await _again(town.gpu)


@fault
async def stop_the_gpu_service(town: Town, chance: random.Random) -> None:
    await _asleep(town.gpu.pid)


@fault
async def cut(town: Town, chance: random.Random) -> None:
    chance.choice(list(town.proxies.values())).cut()


@fault
async def refuse(town: Town, chance: random.Random) -> None:
    proxy = chance.choice(list(town.proxies.values()))
    proxy.refuse = True
    proxy.cut()
    await asyncio.sleep(AWAY)
    proxy.refuse = False


@fault
async def delay(town: Town, chance: random.Random) -> None:
    proxy = chance.choice(list(town.proxies.values()))
    proxy.delay = chance.uniform(0.1, 1.0)
    await asyncio.sleep(AWAY)
    proxy.delay = 0.0


@fault
async def swallow(town: Town, chance: random.Random) -> None:
    proxy = chance.choice(list(town.proxies.values()))
    proxy.swallow = True
    await asyncio.sleep(AWAY)
    proxy.swallow = False
    proxy.cut()


@fault
async def garble(town: Town, chance: random.Random) -> None:
    proxy = chance.choice(list(town.proxies.values()))
    proxy.garble = True
    await asyncio.sleep(AWAY)
    proxy.garble = False
    proxy.cut()


async def _asleep(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(ASLEEP)
    os.kill(pid, signal.SIGCONT)


async def _again(process: Process) -> None:
    await process.stop(signal.SIGKILL)
    await asyncio.sleep(1)
    await process.start()


@dataclass
class Torment:
    """Breaks one thing after the other, and measures how long it takes to be well again."""

    town: Town
    chance: random.Random
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    dead: set[str] = field(default_factory=set)

    async def run(self, seconds: float) -> None:
        """Every fault once in a random order, and again, until the time is over."""
        over, bag = time.monotonic() + seconds, list[str]()
        while time.monotonic() < over:
            bag = bag or self.chance.sample(sorted(FAULTS), len(FAULTS))
            name = bag.pop()
            await FAULTS[name](self.town, self.chance)
            self.took[name].append(await self._well())
            print(f"{name:28} {self.took[name][-1]:6.1f} s", file=sys.stderr, flush=True)
            await asyncio.sleep(self.chance.uniform(*PAUSE))

    async def _well(self) -> float:
        """Wait for new words in every room and for a webhook; seconds that took."""
        began, hook = time.monotonic(), self.town.hook
        await asyncio.sleep(ON_ITS_WAY)
        before = {room: len(reader.captions) for room, reader in self.town.readers.items()}
        finals, seen = len(hook.finals), set[str]()
        while time.monotonic() < began + GIVEN_UP:
            seen |= {
                room
                for room, reader in self.town.readers.items()
                if len(reader.captions) > before[room]
            }
            if seen == ROOMS.keys() and len(hook.finals) > finals:
                break
            await asyncio.sleep(0.05)
        self.dead = ROOMS.keys() - seen
        return time.monotonic() - began

    async def unaccounted(self) -> dict[str, float]:
        """Wait for the last webhooks, then count what is missing."""
        for _ in range(SETTLE):
            missing = await self._missing()
            if not any(missing.values()):
                break
            await asyncio.sleep(1)
        return missing | {"finals_unaccounted": sum(missing.values())}

    async def _missing(self) -> dict[str, float]:
        kept = await self._transcripts()
        sent = self.town.hook.finals | await self._buried()
        shown = Counter(
            text
            for reader in self.town.readers.values()
            for _, text, final in reader.captions
            if final
        )
        return {
            "shown_not_sent": (shown - Counter(sent.values())).total(),
            "shown_not_kept": (shown - Counter(kept.values())).total(),
            "kept_not_sent": len(kept.keys() - sent.keys()),
            "sent_not_kept": len(sent.keys() - kept.keys()),
        }

    async def _transcripts(self) -> dict[str, str]:
        """What the transcripts of all rooms have: texts, by event."""
        found: dict[str, str] = {}
        for kept in await Archive(self.town.store).page():
            entries = await self.town.store.read(kept.stream, limit=100_000)
            found |= {entry.id: entry.value["said"]["transcript"] for entry in entries}
        return found

    async def _buried(self) -> dict[str, str]:
        async with webhooks.open_store(self.town.database.url) as store:
            letters = await store.deliveries("whk_1", state="dead", limit=100_000)
        return {letter.message.id: "" for letter in letters}


async def chaos(folder: Path, disk: Path, seconds: float, seed: int) -> dict[str, float]:
    """Return the figures."""
    cut = "atrim=13.9:17.3,asetpts=N/SR/TB,adelay=500,apad=pad_dur=1"
    sentence = convert(folder / "sentence.wav", "-ar", "48000", "-ac", "1", "-af", cut)
    async with Town(folder, disk, samples(sentence)[0]) as town:
        torment = Torment(town, random.Random(seed))
        await asyncio.sleep(PAUSE[1])
        before = town.tree.usage()
        await torment.run(seconds)
        after = town.tree.usage()
        missing = await torment.unaccounted()
        shown = sum(final for r in town.readers.values() for _, _, final in r.captions)
    took = [one for some in torment.took.values() for one in some]
    return {
        "seed": seed,
        "faults": len(took),
        "kinds": len(torment.took),
        **{f"recovery_s_{name}": max(torment.took[name]) for name in sorted(torment.took)},
        "recovery_s_median": sorted(took)[len(took) // 2],
        "recovery_s_max": max(took),
        "rooms_dead": len(torment.dead),
        "finals_shown": shown,
        "finals_sent": len(town.hook.finals),
        **missing,
        "memory_mb_grown": after.memory_mb - before.memory_mb,
        "descriptors_grown": after.descriptors - before.descriptors,
        "threads_grown": after.threads - before.threads,
    }


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--minutes", type=float, default=20.0)
    options.add_argument("--seed", type=int, default=1, help="which faults, and in which order")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name, small_disk(Path(name) / "disk") as disk:
        figures = asyncio.run(chaos(Path(name), disk, given.minutes * 60, given.seed))
    bars = [
        Bar("recovery_s_max", figures["recovery_s_max"], "<=", RECOVERY),
        *(Bar(name, figures[name], "==", 0) for name in ("finals_unaccounted", "rooms_dead")),
        Bar("descriptors_grown", figures["descriptors_grown"], "<=", PILED_UP),
    ]
    return finish("chaos", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
