"""
A disk that fills up under the SQLite store.

The disk is a small one in memory, mounted where only this program sees it; where that is not
allowed, files are limited in size instead, which the store meets the same way. Messages are added
until the store refuses; then room is made, and everything acknowledged must be delivered, once.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from webhooks import Endpoint, Message, Secret, Worker, new_secret, open_store
from webhooks.errors import StoreError, StoreFull
from webhooks.models import Outcome
from webhooks.sender import Reply
from webhooks.store import Store
from webhooks.worker import Notice

__all__ = ["fill_a_disk"]

SIZE = 4 << 20
"""Bytes of the disk."""
BALLAST = 2 << 20
"""Bytes that are freed when the disk is full."""
MOUNTED = "mounted"
MOUNT = f"""
mount -t tmpfs -o size="$1" none "$2" && echo {MOUNTED} &&
exec "$3" -m tests.faults.webhooks_disk "$2"
"""


def fill_a_disk() -> dict[str, float]:
    """Run this program on a disk of its own."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = ["unshare", "-rm", "sh", "-c", MOUNT, "sh", str(SIZE), folder, sys.executable]
        limited = [sys.executable, "-m", "tests.faults.webhooks_disk", folder, "limited"]
        for command in (mounted, limited):
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            if done.returncode == 0:
                figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
                return figures
            if done.stdout.startswith(MOUNTED):
                break  # there was a disk, and the store failed on it
    raise RuntimeError(f"the disk could not be tested: {done.stderr}")


async def fill(folder: Path, refusal: type[StoreError]) -> dict[str, float]:
    """Add until the disk is full, which is refused in this way, make room, and deliver."""
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(BALLAST))
    acknowledged: list[str] = []
    errors = 0
    async with open_store(f"sqlite:///{folder}/hooks.db") as store:
        endpoint = Endpoint("whk", "https://a.example/", (Secret(new_secret()),), max_rps=100_000)
        await store.save(endpoint, now=time.time())
        while errors < 5 and len(acknowledged) < 10_000:
            errors += await _add(store, acknowledged, refusal)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ballast.unlink()
    async with open_store(f"sqlite:///{folder}/hooks.db") as store:
        still_full = await _add(store, acknowledged, StoreError)
        arrived = await _deliver(store, len(acknowledged))
    return {
        "disk_full_acknowledged": len(acknowledged),
        "disk_full_errors": errors,
        "disk_full_after_room_was_made": still_full,
        "disk_full_lost": len(set(acknowledged) - set(arrived)),
        "disk_full_duplicates": len(arrived) - len(set(arrived)),
    }


async def _add(store: Store, acknowledged: list[str], refusal: type[StoreError]) -> int:
    start = len(acknowledged)
    ids = [f"evt_{number}" for number in range(start, start + 10)]
    try:
        await store.add(*(Message(i, "speech.final", b"x" * 2000) for i in ids), now=time.time())
    except refusal:
        return 1
    acknowledged += ids
    return 0


async def _deliver(store: Store, count: int) -> list[str]:
    arrived: list[str] = []

    async def post(url: str, headers: dict[str, str], body: bytes) -> Reply:
        arrived.append(headers["webhook-id"])
        return Reply(200)

    def observe(notice: Notice) -> None:
        assert isinstance(notice, Outcome)
        if len(arrived) >= count:
            worker.close()

    worker = Worker(store, post, observe=observe)
    await asyncio.wait_for(worker.run(), 30)
    return arrived


def main() -> None:
    refusal: type[StoreError] = StoreFull
    if sys.argv[2:]:
        refusal = StoreError  # SQLite does not take a file that is too long for a full disk
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (BALLAST, resource.RLIM_INFINITY))
    print(json.dumps(asyncio.run(fill(Path(sys.argv[1]), refusal))))


if __name__ == "__main__":
    main()
