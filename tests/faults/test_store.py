"""What the store has acknowledged is there, whatever happens to its process and its disk."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from transcriber.store import open_store

VICTIM = (sys.executable, "-m", "tests.faults.store_victim")
MOUNT = 'mount -t tmpfs -o size=4194304 none "$1" && shift && exec "$@"'


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for _ in range(3):
        with subprocess.Popen([*VICTIM, str(tmp_path)], stdout=subprocess.PIPE, text=True) as one:
            assert one.stdout
            acknowledged += [one.stdout.readline().strip() for _ in range(200)]
            one.kill()
            acknowledged += one.stdout.read().split("\n")[:-1]
    assert set(acknowledged) <= asyncio.run(_kept(tmp_path))


async def _kept(folder: Path) -> set[str]:
    async with open_store(f"sqlite:///{folder}/all.db") as store:
        return {entry.id for entry in await store.read("s", limit=1_000_000)}


def test_a_full_disk_is_a_clear_error_and_passes(tmp_path: Path) -> None:
    shell = ["unshare", "-rm", "sh", "-c", MOUNT, "sh", str(tmp_path)]
    ran = subprocess.run(
        [*shell, *VICTIM, str(tmp_path), "disk"], capture_output=True, text=True, timeout=60
    )
    if "unshare" in ran.stderr or "mount" in ran.stderr:
        pytest.skip(f"a disk of one's own cannot be had here: {ran.stderr}")
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 100
