"""
Which conversations are held here, and what is kept of those and of all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from dialogs.errors import DialogError
from transcriber import aio, events
from transcriber.bus.memory import Bus
from transcriber.errors import Overloaded
from transcriber.session.accounts import Account, Accounts, UnknownConversation
from transcriber.session.conversation import Conversation
from transcriber.session.host import Host, Order
from transcriber.store import Conflict, StoreFailed

__all__ = ["Register"]

AGAIN = 5.0
"""Seconds between two tries to read what was kept, while the store is away."""
TRIES = 6
"""How often an end is written down while the store is away."""

log = structlog.get_logger(__name__)


class Register:
    """Enters conversations, finds them again, and strikes them out when they are over."""

    def __init__(self, host: Host, accounts: Accounts, bus: Bus, *, most: int) -> None:
        self.live: dict[str, Conversation] = {}
        """Those that are held here, or will be when their call is there."""
        self._host, self._accounts, self._bus = host, accounts, bus
        self._most = most

    async def enter(self, order: Order) -> Conversation:
        """
        Make a new one and keep it.

        Raises `UnknownFlow`, `UnknownState`, `Overloaded`, and `Conflict` when there is one of that
        id or in that room.
        """
        if len(self.live) >= self._most:
            raise Overloaded(f"{self._most} conversations are held", remedy="try again later")
        conversation = self._host.make(order)
        if conversation.id in self.live:
            raise Conflict(f"there is a conversation {conversation.id!r} already")
        self.live[conversation.id] = conversation
        try:
            await self._accounts.add(conversation.account)
        except BaseException:
            del self.live[conversation.id]
            raise
        return conversation

    async def strike(self, conversation: Conversation) -> None:
        """Forget one that never began."""
        del self.live[conversation.id]
        await self._accounts.drop(conversation.account)

    async def get(self, id_: str) -> Account:
        """How one is, also some time after its end; raises `UnknownConversation`."""
        if conversation := self.live.get(id_):
            return conversation.account
        return await self._accounts.get(id_)

    async def page(self, *, after: str, limit: int) -> Sequence[Account]:
        """Return those that there are and were, by id, from the one after `after` on."""
        kept = await self._accounts.page(after=after, limit=limit)
        return [self.live[one.id].account if one.id in self.live else one for one in kept]

    async def held(self, where: str) -> str:
        """Return the id of the one that is held in a place, if there is one."""
        return await self._accounts.held(where)

    async def find(self, id_: str) -> Conversation | None:
        """Find one that can be held, live or kept; one that cannot be gone on with is over."""
        if conversation := self.live.get(id_):
            return conversation
        try:
            account = await self._kept(id_)
        except UnknownConversation:
            return None
        if account.outcome:
            return None
        try:
            conversation = self.live[id_] = self._host.restore(account)
        except (DialogError, TypeError, KeyError) as problem:
            log.warning("conversation cannot go on", dialog=id_, problem=str(problem))
            await self.finish(account, "failed")
            return None
        return conversation

    async def finish(self, account: Account, outcome: str = "") -> None:
        """Write down how it ended; with `outcome`, tell it as well: nobody else has."""
        account = account.ended(outcome or account.outcome)
        if outcome:
            self._bus.publish(_told(account))
        for pause in aio.backoff(tries=TRIES):
            try:
                await self._accounts.keep(account)
                break
            except StoreFailed as problem:
                log.warning("end not written down", dialog=account.id, problem=str(problem))
                await asyncio.sleep(pause)
        if conversation := self.live.pop(account.id, None):
            conversation.end(account.outcome)

    async def _kept(self, id_: str) -> Account:
        """Read what was kept; while the store is away, wait for it."""
        while True:
            try:
                return await self._accounts.get(id_)
            except StoreFailed as problem:
                log.warning("kept conversation not read", dialog=id_, problem=str(problem))
                await asyncio.sleep(AGAIN)


def _told(account: Account) -> events.DialogEnded:
    over = events.DialogOver(
        room=account.room,
        dialog_name=account.dialog,
        state=account.snapshot["state"],
        reason=account.outcome,
    )
    metadata = {"dialog_id": account.id}
    return events.DialogEnded(session_id=account.id, data=over, metadata=metadata)
