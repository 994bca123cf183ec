"""
The service on an event loop of its own thread, for hosts that keep the main thread to themselves.

Loading comes before and elsewhere, so that a host can take its snapshot between the two: here begin
the threads and the sockets, which no snapshot may hold. When the engine fails the process ends at
once with a code, and the host starts another.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable

import structlog

from modal_app.batcher import Limits
from modal_app.hub import Hub, Model
from modal_app.pace import new_loop
from modal_app.server import Site, serve

__all__ = ["Background"]

log = structlog.get_logger(__name__)

FLUSH = 1.0
"""Seconds that clients have to hear why the process ends."""


class Background:
    """Serves a model from `start` to `stop`."""

    def __init__(
        self,
        model: Model,
        site: Site,
        *,
        limits: Limits | None = None,
        give_up: Callable[[int], object] = os._exit,
    ) -> None:
        self._model = model
        self._site = site
        self._limits = limits
        self._give_up = give_up
        self._listening = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="stt-front", daemon=True)

    def start(self, patience: float = 30.0) -> None:
        """Return once it listens; raises `TimeoutError` when it does not."""
        self._thread.start()
        if not self._listening.wait(patience):
            raise TimeoutError(f"nothing listens on port {self._site.port}")

    def stop(self) -> None:
        """Let streams finish as long as the site allows, then end."""
        if self._loop is not None and self._over is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(self._site.grace + 20.0)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with serve(Hub(lambda: self._model, limits=self._limits), self._site) as work:
            self._listening.set()
            over = asyncio.create_task(self._over.wait())
            await asyncio.wait({work, over}, return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            if work.done():
                log.critical("the engine has failed, the process ends", exc_info=work.exception())
                await asyncio.sleep(FLUSH)
                self._give_up(1)
