"""How much is taken on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from transcriber.session.limits import Seats, free_memory, short_of_memory


async def test_seats_are_taken_and_freed() -> None:
    seats, over = Seats(1), asyncio.Event()
    assert seats.take()
    assert not seats.take()
    waiting = asyncio.create_task(seats.wait(over))
    await asyncio.sleep(5)
    assert not waiting.done()
    seats.leave()
    assert await waiting
    waiting = asyncio.create_task(seats.wait(over))
    await asyncio.sleep(5)
    over.set()
    assert not await waiting
    assert seats.taken == 1


def test_free_memory_is_the_machines(tmp_path: Path) -> None:
    machine = tmp_path / "meminfo"
    machine.write_text("MemTotal: 100 kB\nMemAvailable:  10 kB\n")
    assert free_memory(machine, tmp_path) == 10 * 1024


def test_a_container_has_less(tmp_path: Path) -> None:
    for name, text in (("max", "5000"), ("current", "3000"), ("stat", "anon 9\ninactive_file 500")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert free_memory(tmp_path / "none", tmp_path) == 2500
    (tmp_path / "memory.max").write_text("max")
    assert free_memory(tmp_path / "none", tmp_path) == float("inf")


def test_too_little_memory_is_said() -> None:
    assert short_of_memory(0) == ""
    assert "MB of memory are free" in short_of_memory(2**40)
