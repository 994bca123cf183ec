"""
A dialog held in writing, with whoever sits at a terminal: hooks and models are asked as in a call.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError

from dialogs import Event, Flow, Machine, Runner
from dialogs.errors import Ended
from dialogs.ports import Ports
from transcriber import aio
from transcriber.app.models import models
from transcriber.config import Settings
from transcriber.connectors.hooks import Web
from transcriber.session.lines import Paper
from transcriber.tls import trust
from webhooks import guarded_client

__all__ = ["hold"]

Tell = Callable[[str, Mapping[str, object]], None]
Read = Callable[[str], Iterable[Event]]
"""Makes events of a line."""


async def hold(
    flow: Flow,
    lines: Iterable[str],
    *,
    read: Read,
    tell: Tell,
    variables: Mapping[str, str],
    settings: Settings,
) -> str:
    """Hold a dialog until it or its lines are over, and say how it ended; `tell` learns it all."""
    allowed = settings.dialogs.allowed
    async with guarded_client(allowed=allowed, tls=trust()) as client, models(settings) as model:
        paper, llm = Paper(), None if model.unusable() else model
        machine = Machine(flow, "terminal", variables=variables)
        runner = Runner(machine, Ports(paper, paper, Web(client), llm, observe=tell))
        async with aio.alongside(_type(runner, lines, read)):
            return await runner.run()


async def _type(runner: Runner, lines: Iterable[str], read: Read) -> None:
    """Let happen what is typed, line by line; after the last one, the dialog is over."""
    typed: asyncio.Queue[str | None] = asyncio.Queue(1)
    _follow(lines, typed)
    await runner.settled(spoken=True)
    while (line := await typed.get()) is not None:
        for event in read(line):
            try:
                runner.post(event)
            except Ended:
                return
            await runner.settled(spoken=True)
    runner.close()


def _follow(lines: Iterable[str], typed: asyncio.Queue[str | None]) -> None:
    """Read lines in a thread that nobody waits for: a dialog ends while somebody thinks."""
    loop = asyncio.get_running_loop()

    def follow() -> None:
        try:
            for line in lines:
                asyncio.run_coroutine_threadsafe(typed.put(line), loop).result()
            asyncio.run_coroutine_threadsafe(typed.put(None), loop).result()
        except (RuntimeError, CancelledError):
            return  # the dialog is over

    threading.Thread(target=follow, daemon=True).start()
