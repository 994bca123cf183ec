"""
Writes to a store and says what was acknowledged, until it is killed or its disk is full.

`python -m tests.faults.store_victim FOLDER` writes for ever; with `disk` behind it, until the disk
is full, then makes a little room and shows that all of it can be used.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from transcriber.store import Entry, Store, StoreFailed, open_store

BALLAST = 256 << 10
"""Bytes that are freed when the disk is full."""
LARGE = "x" * 2000
MORE = BALLAST // 4096 // 2
"""Entries for which that is room enough: each takes a page of the file, and some of the log."""


async def write(folder: Path) -> None:
    async with open_store(f"sqlite:///{folder}/all.db") as store:
        await asyncio.gather(*(_writer(store, number) for number in range(8)))


async def _writer(store: Store, number: int) -> None:
    count = 0
    while True:
        entry = Entry("s", f"{number} {count:06}", LARGE)
        await store.append(entry)
        sys.stdout.write(f"{entry.id}\n")
        sys.stdout.flush()
        count += 1


async def fill(folder: Path) -> None:
    ballast, kept = folder / "ballast", list[str]()
    ballast.write_bytes(bytes(BALLAST))
    async with open_store(f"sqlite:///{folder}/all.db") as store:
        refused = 0
        while refused < 5:
            entry = Entry("s", f"{len(kept):06}", LARGE)
            try:
                await store.append(entry)
            except StoreFailed as problem:
                refused += "the disk is full" in str(problem)
            else:
                kept.append(entry.id)
        assert [entry.id for entry in await store.read("s", limit=10_000)] == kept
        ballast.unlink()
        more = [f"{len(kept) + number:06}" for number in range(MORE)]
        for id_ in more:
            await store.append(Entry("s", id_, LARGE))
    async with open_store(f"sqlite:///{folder}/all.db") as store:
        assert [entry.id for entry in await store.read("s", limit=10_000)] == kept + more
    sys.stdout.write(f"{len(kept)}\n")


if __name__ == "__main__":
    asyncio.run((fill if "disk" in sys.argv else write)(Path(sys.argv[1])))
