"""
What is kept of conversations: one record each, from its start until some time after its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from transcriber.errors import TranscriberError
from transcriber.store import Record, Store

__all__ = ["Account", "Accounts", "UnknownConversation"]

KIND = "dialog"
"""The kind of the records."""
PAGE = 500
KEPT = 24 * 3600.0
"""Seconds for which a conversation is kept after its last step, or after its end."""


class UnknownConversation(TranscriberError):
    """There is none of that id, or it was long ago."""

    code = "unknown_conversation"


@dataclass(frozen=True, slots=True)
class Account:
    """All that is kept of a conversation, and all that there is to say about it."""

    id: str
    dialog: str
    room: str = ""
    place: str = ""
    """What kind of room that is; empty for a conversation in writing."""
    start: str = ""
    """The state it begins in, instead of the flow's own."""
    outcome: str = ""
    """How it ended; empty while it has not."""
    created_at: str = ""
    updated_at: str = ""
    snapshot: Mapping[str, Any] = field(default_factory=dict)
    """Of its machine."""


class Accounts:
    """The records; all methods may raise `StoreFailed`."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    async def add(self, account: Account) -> None:
        """Keep a new one; raises `Conflict` when there is one of that id."""
        expires = self._now() + KEPT
        await self._store.put(KIND, account.id, asdict(account), seen=0, expires=expires)

    async def keep(self, account: Account) -> None:
        """Keep how it is now."""
        await self._store.put(KIND, account.id, asdict(account), expires=self._now() + KEPT)

    async def get(self, id_: str) -> Account:
        """How it was when it was kept; raises `UnknownConversation`."""
        if record := await self._store.get(KIND, id_):
            return _account(record)
        raise UnknownConversation(f"there is no conversation {id_!r}")

    async def page(self, *, after: str, limit: int) -> Sequence[Account]:
        """Return some, by id, from the one after `after` on."""
        return [_account(one) for one in await self._store.records(KIND, after=after, limit=limit)]

    async def all(self) -> Sequence[Account]:
        """Return all of them."""
        found: list[Account] = []
        while True:
            page = await self.page(after=found[-1].id if found else "", limit=PAGE)
            found += page
            if len(page) < PAGE:
                return found

    async def drop(self, id_: str) -> None:
        """Forget one."""
        await self._store.forget(KIND, id_)


def _account(record: Record) -> Account:
    return Account(**record.value)
