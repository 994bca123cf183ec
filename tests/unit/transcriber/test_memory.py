"""What is free is given back."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import pytest

from transcriber import memory

PIECE, PIECES = 20_000, 4_000
"""More than Python keeps in pools of its own, and too little to be had from the system apart."""


def held() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_what_lies_between_pieces_in_use_is_given_back() -> None:
    pieces = [bytearray(b"x" * PIECE) for _ in range(PIECES)]
    used, before = pieces[::50], held()
    del pieces
    memory.give_back()
    assert before - held() > PIECE * PIECES / 2
    assert len(used) == PIECES / 50


async def test_it_happens_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []
    clock = asyncio.get_running_loop().time

    async def at_once(work: object) -> None:  # a thread would not know of a clock that jumps
        assert work is memory.give_back
        times.append(clock())

    monkeypatch.setattr(asyncio, "to_thread", at_once)
    began, giving = clock(), asyncio.create_task(memory.giving_back())
    await asyncio.sleep(memory.EVERY * 2.5)
    giving.cancel()
    assert [round((at - began) / memory.EVERY) for at in times] == [1, 2]
