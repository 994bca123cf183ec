"""A few threads for many speakers."""

import asyncio
import threading
from functools import partial

import pytest

from transcriber.engines.stt.turns import Turns


class Busy:
    """Keeps the only thread, until it is told to go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.done: list[str] = []

    def __call__(self) -> None:
        self.go_on.wait(5)


async def test_who_is_urgent_comes_first() -> None:
    turns, busy = Turns(1), Busy()
    async with asyncio.TaskGroup() as group:
        group.create_task(turns.run(busy, urgent=True))
        await asyncio.sleep(0)
        for name, urgent in (("partial", False), ("final", True), ("other", False)):
            group.create_task(turns.run(partial(busy.done.append, name), urgent=urgent))
        await asyncio.sleep(0)
        busy.go_on.set()
    assert busy.done == ["final", "partial", "other"]
    await turns.close()


async def test_who_gives_up_leaves_the_turn_to_others() -> None:
    turns, busy = Turns(1), Busy()
    first = asyncio.create_task(turns.run(busy, urgent=True))
    await asyncio.sleep(0)
    gone = asyncio.create_task(turns.run(lambda: busy.done.append("gone"), urgent=True))
    last = asyncio.create_task(turns.run(lambda: busy.done.append("last"), urgent=True))
    await asyncio.sleep(0)
    gone.cancel()
    busy.go_on.set()
    await asyncio.gather(first, last)
    assert busy.done == ["last"]
    await turns.close()


async def test_who_gives_up_with_the_turn_in_hand_gives_it_back() -> None:
    turns = Turns(1)
    lucky = asyncio.create_task(turns.run(lambda: 1, urgent=False))
    await asyncio.sleep(0)
    lucky.cancel()
    with pytest.raises(asyncio.CancelledError):
        await lucky
    assert await turns.run(lambda: 2, urgent=False) == 2
    await turns.close()


async def test_what_goes_wrong_is_raised_and_the_thread_is_free_again() -> None:
    turns = Turns(1)
    with pytest.raises(ZeroDivisionError):
        await turns.run(lambda: 1 // 0, urgent=False)
    assert await turns.run(lambda: 3, urgent=False) == 3
    await turns.close()


async def test_a_thread_is_free_when_it_has_ended_and_not_when_nobody_waits_for_it() -> None:
    turns, busy = Turns(1), Busy()
    gone = asyncio.create_task(turns.run(busy, urgent=False))
    await asyncio.sleep(0)
    gone.cancel()
    last = asyncio.create_task(turns.run(lambda: busy.done.append("last"), urgent=True))
    for _ in range(3):
        await asyncio.sleep(0)
    assert turns._free == 0
    busy.go_on.set()
    await last
    assert (turns._free, busy.done) == (1, ["last"])
    await turns.close()


async def test_what_goes_wrong_when_nobody_waits_for_it_is_nobodys_business() -> None:
    turns, busy = Turns(1), Busy()

    def fail() -> None:
        busy()
        raise ZeroDivisionError

    gone = asyncio.create_task(turns.run(fail, urgent=False))
    await asyncio.sleep(0)
    gone.cancel()
    busy.go_on.set()
    assert await turns.run(lambda: 4, urgent=False) == 4
    await turns.close()
