"""Queues that forget, pauses that grow, work that is started again."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable

import pytest

from transcriber.aio import Backlog, alongside, backoff, close_all, heed, supervise


async def test_a_full_backlog_forgets_the_oldest() -> None:
    backlog: Backlog[int] = Backlog(limit=2)
    for item in range(4):
        backlog.push(item)
    backlog.close()
    assert [item async for item in backlog] == [2, 3]
    assert backlog.dropped == 2


async def test_the_consumer_waits_for_the_producer() -> None:
    backlog: Backlog[str] = Backlog(limit=8)

    async def produce() -> None:
        await asyncio.sleep(300)
        backlog.push("late")
        backlog.close()

    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        assert [item async for item in backlog] == ["late"]
    assert asyncio.get_running_loop().time() == 300


async def test_a_producer_that_can_wait_loses_nothing() -> None:
    backlog: Backlog[int] = Backlog(limit=3)

    async def produce() -> None:
        for item in range(100):
            await backlog.room()
            backlog.push(item)
        backlog.close()

    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        assert [item async for item in backlog] == list(range(100))
    assert backlog.dropped == 0


async def test_a_closed_backlog_lets_the_waiting_producer_go() -> None:
    backlog: Backlog[int] = Backlog(limit=1)
    backlog.push(1)
    asyncio.get_running_loop().call_later(5, backlog.close)
    await backlog.room()
    assert asyncio.get_running_loop().time() == 5


def test_backoff_grows_to_its_limit() -> None:
    delays = list(itertools.islice(backoff(base=1, limit=4), 200))
    assert all(delay <= 4 for delay in delays)
    assert max(delays[4:]) > 2


def test_backoff_ends_after_its_tries() -> None:
    assert len(list(backoff(tries=5))) == 5


def fails(times: int, *, after: float = 0.0) -> Callable[[], "asyncio.Future[None]"]:
    left = itertools.count(times, -1)

    async def work() -> None:
        await asyncio.sleep(after)
        if next(left) > 0:
            raise OSError("again")

    return lambda: asyncio.ensure_future(work())


async def test_work_is_started_again_until_it_succeeds() -> None:
    seen: list[Exception] = []

    def failed(error: Exception) -> bool:
        seen.append(error)
        return True

    await supervise(fails(3), failed=failed, over=asyncio.Event())
    assert len(seen) == 3


async def test_what_cannot_be_helped_is_raised_at_once() -> None:
    with pytest.raises(OSError, match="again"):
        await supervise(fails(1), failed=lambda error: False, over=asyncio.Event())


async def test_the_failure_is_raised_when_the_pauses_end() -> None:
    with pytest.raises(OSError, match="again"):
        await supervise(
            fails(9), failed=lambda e: True, over=asyncio.Event(), pauses=lambda: backoff(tries=3)
        )


async def test_work_that_went_well_for_long_is_forgiven() -> None:
    await supervise(
        fails(9, after=100),
        failed=lambda e: True,
        over=asyncio.Event(),
        pauses=lambda: backoff(tries=1),
    )


async def test_a_pause_ends_when_it_is_over() -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(1, over.set)
    await supervise(fails(1), failed=lambda e: True, over=over, pauses=lambda: iter([3600.0]))
    assert asyncio.get_running_loop().time() == 1


async def test_closing_goes_on_after_a_failure() -> None:
    closed = []

    async def fine() -> None:
        closed.append("fine")

    async def broken() -> None:
        raise OSError("gone")

    with pytest.raises(ExceptionGroup):
        await close_all(broken(), fine())
    assert closed == ["fine"]


async def test_work_alongside_lasts_as_long_as_the_block() -> None:
    steps: list[float] = []

    async def tick() -> None:
        while True:
            await asyncio.sleep(1)
            steps.append(asyncio.get_running_loop().time())

    async with alongside(tick()):
        await asyncio.sleep(3.5)
    await asyncio.sleep(10)
    assert steps == [1, 2, 3]


async def test_work_alongside_leaves_alone_what_the_block_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        async with alongside(asyncio.sleep(9)):
            raise ZeroDivisionError


async def test_work_alongside_that_fails_is_noticed_at_the_end() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    steps: list[str] = []

    async def both() -> None:
        async with alongside(fail()):
            await asyncio.sleep(1)
            steps.append("done")

    with pytest.raises(ZeroDivisionError):
        await both()
    assert steps == ["done"]


async def test_a_cancellation_that_was_lost_is_heeded_later() -> None:
    async def work() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):  # as `wait_for` does at times
                await asyncio.sleep(1)
            heed()

    task = asyncio.create_task(work())
    await asyncio.sleep(2.5)
    assert not task.done()
    task.cancel()
    await asyncio.sleep(0.1)
    assert task.cancelled()


async def test_a_deadline_that_was_lost_is_kept_later() -> None:
    async def work() -> None:
        async with asyncio.timeout(1):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(5)
            heed()

    with pytest.raises(TimeoutError):
        await work()
