"""
Who agreed to transcripts, and who does not want to be in them.

Consent belongs to a room and lasts until it is withdrawn; wanting to be left out belongs to a
person in a room. Both are kept in the store, and whoever listens learns of every change at once,
in whatever process it was made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from transcriber.store import Store

__all__ = ["Consent", "Permissions"]

CONSENT = "transcript consent"
WITHOUT = "transcript without"
TOPIC = "transcript permission"
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Consent:
    """A room's agreement: what the room is called, who gave it (such as `users/ann`), and when."""

    title: str
    by: str
    at: float


class Permissions:
    """Answers who allowed what, from the store."""

    def __init__(self, store: Store, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    async def consent(self, room: str) -> Consent | None:
        """Return a room's agreement, if it gave one."""
        record = await self._store.get(CONSENT, room)
        return Consent(**record.value) if record else None

    async def give(self, room: str, *, by: str, title: str = "") -> None:
        """Let transcripts of a room be kept from now on."""
        await self._store.put(CONSENT, room, asdict(Consent(title, by, self._now())))
        await self.changed(room)

    async def withdraw(self, room: str) -> None:
        """Let nothing more be kept of a room."""
        await self._store.forget(CONSENT, room)
        await self.changed(room)

    async def without(self, room: str) -> frozenset[str]:
        """Return the accounts that do not want to be in transcripts of a room."""
        found: set[str] = set()
        after = f"{room}/"
        while True:
            page = await self._store.records(WITHOUT, after=after, limit=PAGE)
            ours = [record.key for record in page if record.key.startswith(f"{room}/")]
            found.update(key.removeprefix(f"{room}/") for key in ours)
            if len(ours) < PAGE:
                return frozenset(found)
            after = ours[-1]

    async def leave_out(self, room: str, account: str) -> None:
        """Keep nothing that somebody says in a room; what was kept of this call goes, too."""
        await self._store.put(WITHOUT, f"{room}/{account}", True)
        await self.changed(room)

    async def let_in(self, room: str, account: str) -> None:
        """Keep what somebody says in a room again."""
        await self._store.forget(WITHOUT, f"{room}/{account}")
        await self.changed(room)

    async def changed(self, room: str) -> None:
        """Have everybody who listens look again."""
        await self._store.tell(TOPIC, room)

    def listen(self, changed: Callable[[str], object]) -> Callable[[], None]:
        """Call `changed` with each room whose permissions change; returns how to stop."""
        return self._store.listen(TOPIC, lambda room: changed(str(room)))
