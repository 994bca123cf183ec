"""
What is kept of conversations: one record each, from its start until some time after its end.

Beside it stands, for as long as it is held, a record of where that is: so that there is one at a
time in a room, and whoever opens the room again after a restart finds it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from transcriber.errors import NotFound, TranscriberError
from transcriber.store import Conflict, Record, Store

__all__ = ["Account", "Accounts", "UnknownConversation"]

KIND, HELD = "dialog", "held"
"""The kinds of the records."""
KEPT = 24 * 3600.0
"""Seconds for which a conversation is kept after its last step, or after its end."""
AGAIN = 3600.0
"""Seconds after which a place is claimed again."""

WRITING = "dialog"
"""What kind of place one in writing has."""


class UnknownConversation(NotFound):
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

    @property
    def where(self) -> str:
        """The name of the place where it is held; one in writing has one of its own."""
        return f"{self.place}/{self.room}" if self.room else f"{WRITING}/{self.id}"

    @property
    def value(self) -> dict[str, Any]:
        """All of it, for keeping; copied by whoever keeps it."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def ended(self, outcome: str) -> Account:
        """Return the same, ended."""
        return replace(self, outcome=outcome)


class Accounts:
    """The records; all methods may raise `StoreFailed`."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._claims: dict[str, float] = {}
        """Until when we have claimed the places where conversations are held."""

    async def add(self, account: Account) -> None:
        """Keep a new one; raises `Conflict` when there is one of that id, or in that place."""
        expires = self._now() + KEPT
        await self._claim(account, expires)
        try:
            await self._store.put(KIND, account.id, account.value, seen=0, expires=expires)
        except TranscriberError:
            await self._store.forget(HELD, account.where)
            raise

    async def keep(self, account: Account) -> None:
        """Keep how it is now."""
        expires = self._now() + KEPT
        await self._store.put(KIND, account.id, account.value, expires=expires)
        if account.outcome:
            self._claims.pop(account.where, None)
            await self._store.forget(HELD, account.where)
        elif expires - self._claims.get(account.where, 0.0) > AGAIN:
            self._claims[account.where] = expires
            await self._store.put(HELD, account.where, account.id, expires=expires)

    async def get(self, id_: str) -> Account:
        """How it was when it was kept; raises `UnknownConversation`."""
        if record := await self._store.get(KIND, id_):
            return _account(record)
        raise UnknownConversation(f"there is no conversation {id_!r}")

    async def page(self, *, after: str, limit: int) -> Sequence[Account]:
        """Return some, by id, from the one after `after` on."""
        return [_account(one) for one in await self._store.records(KIND, after=after, limit=limit)]

    async def held(self, where: str) -> str:
        """Return the id of the one that is held in a place, if there is one."""
        record = await self._store.get(HELD, where)
        return str(record.value) if record else ""

    async def written(self) -> list[str]:
        """Return the ids of those that are held in writing."""
        found: list[str] = []
        while page := await self._store.records(
            HELD, after=f"{WRITING}/{found[-1] if found else ''}"
        ):
            ids = [str(one.value) for one in page if one.key.startswith(f"{WRITING}/")]
            found += ids
            if not ids:
                break
        return found

    async def drop(self, account: Account) -> None:
        """Forget one."""
        self._claims.pop(account.where, None)
        await self._store.forget(KIND, account.id)
        await self._store.forget(HELD, account.where)

    async def _claim(self, account: Account, expires: float) -> None:
        try:
            await self._store.put(HELD, account.where, account.id, seen=0, expires=expires)
        except Conflict:
            other = await self.held(account.where)
            raise Conflict(f"{other} is held there already", remedy="end it first") from None
        self._claims[account.where] = expires


def _account(record: Record) -> Account:
    return Account(**record.value)
