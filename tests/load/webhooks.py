"""
What a webhook costs, in SQLite and in PostgreSQL, with a real receiver in a process of its own.

Each event goes to one of the endpoints. First everything is added in batches (`add_ms_p99`), then a
worker delivers all of it; then events trickle in while the worker runs, which is where the delay
from `add` to the recorded answer is measured, and `add` once more (`add_busy_ms_p99`).

`disk_ms_p99` is what the machine takes to force as many bytes to disk without any of this: where it
is high, something else keeps disk or processor busy, and no `add` can be quicker.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.load.report import Bar, finish, parser
from tests.peers.postgres import postgres
from webhooks import Endpoint, Message, Secret, Store, Worker, new_secret, open_store
from webhooks.guard import guarded_session
from webhooks.models import Outcome
from webhooks.sender import http_post
from webhooks.worker import Notice

BATCH = 20
"""Events added together."""
TRICKLE = 150
"""Events a second while the delay is measured."""
BODY = b'{"type":"speech.final","data":{"transcript":"%s"}}' % (b"word " * 120)
WORST = (
    "add_ms_p99",
    "cpu_ms_per_delivery",
    "delay_ms_p99",
    "rss_growth_mb",
    "second_half_cpu_ratio",
)
"""Figures that the worse of the two stores stands for."""
RECEIVER = """
import asyncio, sys
class Receiver(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""
    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\\r\\n\\r\\n")) >= 0:
            head = self.buffer[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\\r\\n")[0])
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length:]
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
async def main():
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@dataclass
class Run:
    """One store's way through the same events."""

    endpoints: int
    events: int
    seconds: float
    add_ms: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    arrived: int = 0
    made: int = 0
    added_at: dict[str, float] = field(default_factory=dict)
    progress: asyncio.Event = field(default_factory=asyncio.Event)

    def message(self) -> Message:
        self.made += 1
        number = self.made
        return Message(
            f"evt_{number:08}",
            "speech.final",
            BODY,
            channel=f"room {number % self.endpoints}",
            key=f"session {number % (4 * self.endpoints)}",
        )

    async def add(self, store: Store, count: int) -> None:
        messages = [self.message() for _ in range(count)]
        began = time.perf_counter()
        await store.add(*messages, now=time.time())
        self.add_ms.append((time.perf_counter() - began) * 1000)
        for message in messages:
            self.added_at[message.id] = began

    def observe(self, notice: Notice) -> None:
        assert isinstance(notice, Outcome), notice
        assert notice.state == "delivered", notice
        self.arrived += 1
        if began := self.added_at.pop(notice.attempt.message_id, 0.0):
            self.delays.append((time.perf_counter() - began) * 1000)
        self.progress.set()

    async def until(self, arrived: int) -> None:
        while self.arrived < arrived:
            self.progress.clear()
            await asyncio.wait_for(self.progress.wait(), 30)


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def disk_ms_p99(folder: str) -> float:
    """What the machine takes to force as much to disk: the best that `add` can do."""
    file = os.open(f"{folder}/disk", os.O_CREAT | os.O_WRONLY)
    times = []
    for number in range(300):
        began = time.perf_counter()
        os.pwrite(file, BODY * BATCH, number * len(BODY) * BATCH)
        os.fdatasync(file)
        times.append((time.perf_counter() - began) * 1000)
    os.close(file)
    return p99(times)


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


async def prepare(run: Run, store: Store, port: int) -> None:
    for number in range(run.endpoints):
        endpoint = Endpoint(
            f"whk_{number:03}",
            f"http://127.0.0.1:{port}/{number}",
            (Secret(new_secret()),),
            channels=(f"room {number}",),
            max_rps=100_000,
        )
        await store.save(endpoint, now=time.time())


async def measure(name: str, url: str, run: Run, port: int) -> dict[str, float]:
    """Take the events through one store."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(url))
        session = await stack.enter_async_context(guarded_session(allowed=["127.0.0.0/8"]))
        await prepare(run, store, port)
        await store.add(Message("evt_first", "speech.final", BODY, channel="nobody's"), now=0)
        cpu = time.process_time()
        for _ in range(run.events // BATCH):
            await run.add(store, BATCH)
        added_cpu = time.process_time() - cpu
        add_ms = p99(run.add_ms)
        run.added_at.clear()
        run.add_ms.clear()
        worker = Worker(store, http_post(session, limit=10, kept=4096), observe=run.observe)
        working = asyncio.create_task(worker.run())
        figures = await drain(name, run, added_cpu)
        await trickle(run, store)
        worker.close()
        await working
    figures[f"{name}_add_ms_p99"] = add_ms
    figures[f"{name}_add_busy_ms_p99"] = p99(run.add_ms)
    figures[f"{name}_delay_ms_p99"] = p99(run.delays)
    return figures


async def drain(name: str, run: Run, added_cpu: float) -> dict[str, float]:
    """Deliver all that was added; the second half must cost no more than the first."""
    total = run.made
    cpu, began = time.process_time(), time.perf_counter()
    await run.until(total // 4)
    gc.collect()
    memory = rss_mb()
    await run.until(total // 2)
    half_cpu, half = time.process_time() - cpu, time.perf_counter() - began
    await run.until(total)
    whole_cpu, whole = time.process_time() - cpu, time.perf_counter() - began
    gc.collect()
    return {
        f"{name}_per_s": total / whole,
        f"{name}_first_half_per_s": total / 2 / half,
        f"{name}_second_half_cpu_ratio": (whole_cpu - half_cpu) / half_cpu,
        f"{name}_cpu_ms_per_delivery": (whole_cpu + added_cpu) * 1000 / total,
        f"{name}_rss_growth_mb": max(0.0, rss_mb() - memory),
    }


async def trickle(run: Run, store: Store) -> None:
    """Add a few at a time, as calls do."""
    for _ in range(int(run.seconds * TRICKLE / 5)):
        await asyncio.sleep(5 / TRICKLE)
        await run.add(store, 5)
    await run.until(run.made)


async def start_receiver(stack: AsyncExitStack) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RECEIVER, stdout=asyncio.subprocess.PIPE
    )
    stack.push_async_callback(process.wait)
    stack.callback(process.kill)
    assert process.stdout
    return int(await process.stdout.readline())


async def bench(endpoints: int, events: int, seconds: float) -> dict[str, float]:
    figures: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        port = await start_receiver(stack)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(postgres())
        urls = {"sqlite": f"sqlite:///{folder}/hooks.db", "postgres": server.url}
        figures["disk_ms_p99"] = disk_ms_p99(folder)
        for name, url in urls.items():
            os.sync()  # what the one before has left to write is not this one's to wait for
            figures |= await measure(name, url, Run(endpoints, events, seconds), port)
    return figures


def worst(figures: dict[str, float], key: str) -> float:
    return max(figures[f"sqlite_{key}"], figures[f"postgres_{key}"])


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--endpoints", type=int, default=50)
    options.add_argument("--events", type=int, default=20_000)
    options.add_argument("--seconds", type=float, default=8, help="how long events trickle in")
    given = options.parse_args()
    figures = asyncio.run(bench(given.endpoints, given.events, given.seconds))
    for key in WORST:
        figures[key] = worst(figures, key)
    bars = [
        Bar("sqlite_per_s", figures["sqlite_per_s"], ">=", 1000),
        Bar("postgres_per_s", figures["postgres_per_s"], ">=", 1000),
        Bar("add_ms_p99", figures["add_ms_p99"], "<=", 5),
        Bar("second_half_cpu_ratio", figures["second_half_cpu_ratio"], "<=", 1.3),
        Bar("rss_growth_mb", figures["rss_growth_mb"], "<=", 20),
    ]
    return finish("webhooks", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
