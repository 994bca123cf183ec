"""A server program as a child process with a log of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

__all__ = ["LOOPBACK", "Process", "poll"]

LOOPBACK = "127.0.0.1"
START = 60.0
"""Seconds a program gets to become ready."""
STOP = 5.0
"""Seconds it gets to end before it is killed."""


async def poll(done: Callable[[], Awaitable[bool]], *, within: float) -> None:
    """Wait until something is so; raises `TimeoutError`."""
    async with asyncio.timeout(within):
        while not await done():  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(0.02)


class Process:
    """Can be started, stopped and started again."""

    def __init__(
        self, command: Sequence[str], log: Path, ready: Callable[[], Awaitable[bool]]
    ) -> None:
        self._command = command
        self._log = log
        self._ready = ready
        self._running: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id; raises `RuntimeError` before it was started."""
        if self._running is None:
            raise RuntimeError(f"{self._command[0]} was not started")
        return self._running.pid

    @property
    def running(self) -> bool:
        return self._running is not None and self._running.returncode is None

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def launch(self) -> None:
        """Start it, ready or not."""
        with self._log.open("ab") as log:
            self._running = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def start(self) -> None:
        """Start it and wait until it is ready; raises `RuntimeError` when it never is."""
        await self.launch()
        await self.ready()

    async def ready(self) -> None:
        """Wait until it serves; raises `RuntimeError` when it never does."""

        async def settled() -> bool:
            return not self.running or await self._ready()

        with contextlib.suppress(TimeoutError):
            await poll(settled, within=START)
            if self.running:
                return
        raise RuntimeError(f"not ready in time, or ended:\n{self.output[-2000:]}")

    async def ended(self) -> int:
        """Wait until it has ended by itself; returns its status."""
        return await self._running.wait() if self._running else 0

    def send(self, what: signal.Signals) -> None:
        """Send a signal, if it is still there."""
        if self._running and self.running:
            self._running.send_signal(what)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, if need be by force."""
        self.send(how)
        try:
            await asyncio.wait_for(self.ended(), STOP)
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.ended()
