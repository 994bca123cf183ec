"""
Lanes and hygiene for every test.

The directory is the lane: `tests/unit` runs on virtual time, without sockets, and must be
instant; `tests/peers` talks to real programs; `tests/faults` breaks them. No markers to remember.
What a test leaves behind (task, thread, socket, file, warning) fails it.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import itertools
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from tests.virtual_time import VirtualTimeLoop

UNIT = Path(__file__).parent / "unit"
FAULTS = Path(__file__).parent / "faults"
AMONG = 8
"""Of so many files one is of faults: those wait more than they work."""
CPU_BUDGET = 1.0
"""Seconds of computing a unit test may take: a third of it, and room for a busy machine."""
WALL_BUDGET = 4.0
"""Seconds a unit test may take; on a machine that others keep busy it may take any time."""
BUSY = 2 * (os.cpu_count() or 1)
"""Programs that want to run at once, more of which are not ours alone."""
SLOWER = 4 if "coverage" in sys.modules else 1
"""How much more time tests get while coverage watches them."""
NATIVE = ("asyncio_", "asyncio-waitpid", "waitpid-", "AnyIO")
"""Threads that belong to the event loop, which ends them itself."""

# `make test` takes the thorough one: --hypothesis-profile=thorough
for profile, examples in {"quick": 10, "thorough": 30}.items():
    hypothesis.settings.register_profile(
        profile, deadline=None, derandomize=True, max_examples=examples, database=None
    )
hypothesis.settings.load_profile("quick")

# Programs of tests are interrupted, also where the tests run in the background of a shell.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Nobody reads the logs of tests, and tracebacks for people cost a second each.
structlog.configure(
    processors=[structlog.processors.KeyValueRenderer()],
    logger_factory=structlog.ReturnLoggerFactory(),
)


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give the unit lane the jumping clock and everyone else the real one."""
    if UNIT in item.path.parents:
        return {"virtual": VirtualTimeLoop}
    return {"real": asyncio.new_event_loop}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a unit test that computes or waits too long: it belongs in another lane."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    slow = wall > WALL_BUDGET * SLOWER and os.getloadavg()[0] <= BUSY
    over = slow or cpu > CPU_BUDGET * SLOWER
    if UNIT in item.path.parents and over and not hasattr(getattr(item, "obj", None), "hypothesis"):
        pytest.fail(f"a unit test may not take {cpu:.2f} s of CPU and {wall:.2f} s in all")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays to the end: modules and tests."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Look for tasks where there is an event loop; making one for every other test takes time.

    Files come in their order, with those of faults among them.
    """
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.fixturenames.insert(0, "_no_task_left_behind")
    places = {True: itertools.count(step=AMONG), False: itertools.count()}
    files = dict.fromkeys(item.path for item in items)
    turns = {file: next(places[FAULTS in file.parents]) for file in files}
    items.sort(key=lambda item: turns[item.path])


@pytest.fixture
async def _no_task_left_behind() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    ours = {asyncio.current_task()}
    left = [task for task in asyncio.all_tasks() - before - ours if not task.done()]
    assert not left, f"the test left tasks running: {left}"


@pytest.fixture(autouse=True)
def _same_chance_and_nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Be one fixture, because each costs every test as much as all that is looked at here."""
    random.seed(request.node.nodeid)
    threads, files = set(threading.enumerate()), _open_files()
    with _no_network() if UNIT in request.node.path.parents else nullcontext():
        yield
    running = [thread for thread in set(threading.enumerate()) - threads if _lasts(thread)]
    assert not running, f"the test left threads running: {running}"
    if _open_files() - files:
        gc.collect()
    left = _open_files() - files
    assert not left, f"the test left files or sockets open: {sorted(left)}"


@contextmanager
def _no_network() -> Iterator[None]:
    def refuse(*args: Any) -> None:
        pytest.fail("the unit lane has no network: this test belongs in tests/peers")

    def unknown(*args: Any, **more: Any) -> None:
        raise socket.gaierror("the unit lane knows no names")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "bind", "sendto"):
            patch.setattr(socket.socket, name, refuse)
        patch.setattr(socket, "getaddrinfo", unknown)
        yield


def _lasts(thread: threading.Thread) -> bool:
    return thread.is_alive() and not thread.name.startswith(NATIVE)


def _open_files() -> set[str]:
    """Descriptors of this process and what they are; the kernel's own kinds are not counted."""
    found = set()
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - twice a test: paths cost seconds
        try:
            target = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115 - the same
        except OSError:
            continue
        if not target.startswith(("anon_inode:", "pipe:", "/dev/", "/proc/")):
            found.add(f"{number} {target}")
    return found
