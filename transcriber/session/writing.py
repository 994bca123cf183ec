"""
Conversations in writing: with nobody's voice, by whoever sends events and reads what is told.

They go on at once after a restart, and where an instance is no more, others go on with its. One
that nobody has written to for a while is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import structlog

from transcriber.errors import TranscriberError
from transcriber.session.accounts import WRITING, Account, Accounts
from transcriber.session.conversation import Conversation, Taken
from transcriber.session.host import Host
from transcriber.session.places import Here, Places
from transcriber.session.register import Register

__all__ = ["IDLE", "Writing"]

IDLE = 1800.0
"""Seconds without a word after which one is over."""
TURN = 5.0
"""Seconds between two looks for those that are idle, and for those of others that are no more."""

log = structlog.get_logger(__name__)


class Writing:
    """Holds those in writing that are ours; `places` says which are, where instances share them."""

    def __init__(
        self, host: Host, accounts: Accounts, register: Register, places: Places | None = None
    ) -> None:
        self._host, self._accounts, self._register = host, accounts, register
        self._places = places or Here()
        self._held: dict[str, asyncio.Task[None]] = {}
        self._changing = asyncio.Lock()
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Go on with what was kept, and hold what is started, until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                try:
                    async with self._changing:
                        await self._resume()
                except TranscriberError as problem:
                    log.warning("kept conversations not read", problem=str(problem))
                await asyncio.sleep(TURN)
                self._end_idle()

    async def start(self, enter: Callable[[], Coroutine[None, None, Conversation]]) -> Started:
        """Hold a new one, and say what it began with."""
        async with self._changing:
            conversation = await enter()
            await self._places.keep(conversation.account.where)
            self._hold(conversation)
        return conversation.account, await conversation.begun()

    async def _resume(self) -> None:
        """Go on with those that are ours, and leave those that are not ours any more."""
        ours = await self._places.mine(WRITING, {*await self._accounts.written(), *self._held})
        for id_ in self._held.keys() - ours:
            self._held[id_].cancel()
            self._register.live.pop(id_, None)
        for id_ in ours - self._held.keys():
            if conversation := await self._register.find(id_):
                self._hold(conversation)

    def _hold(self, conversation: Conversation) -> None:
        async def write() -> None:
            await self._host.write(conversation)
            await self._register.finish(conversation.account)

        assert self._tasks
        task = self._tasks.create_task(write(), name=f"dialog {conversation.id}")
        self._held[conversation.id] = task
        task.add_done_callback(lambda task: self._held.pop(conversation.id, None))

    def _end_idle(self) -> None:
        for id_ in tuple(self._held):
            conversation = self._register.live.get(id_)
            if conversation and conversation.idle > IDLE:
                conversation.close("idle")


Started = tuple[Account, Taken]
