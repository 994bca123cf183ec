"""
The tokens that were made here.

A token names itself and then proves itself: `tok_<id>_<secret>`. Only a hash of the secret is kept;
as it is random and long, nobody can guess it from that. What was looked up is remembered for a few
seconds, so a token that is revoked elsewhere works for as long as that, and here not at all.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Callable, Sequence
from hashlib import sha256

from pydantic import BaseModel

from transcriber.ids import new_id
from transcriber.store import Store
from transcriber.web.auth import Caller

__all__ = ["Kept", "TokenBook"]

KIND = "token"
FORM = re.compile(r"(tok_[0-9a-f]{32})_([A-Za-z0-9_-]{43})")
SECRET_BYTES = 32
REMEMBERED = 5.0
"""Seconds for which a token is not looked up again."""
MOST = 1000
"""Tokens that are remembered."""


class Kept(BaseModel):
    """A token as it is kept; times are Unix times."""

    id: str = ""
    name: str
    scopes: tuple[str, ...]
    hash: str
    created_at: float
    created_by: str
    expires_at: float | None = None

    def caller(self) -> Caller:
        """Who shows it."""
        return Caller(self.id, self.name, frozenset(self.scopes))


class TokenBook:
    """Makes, finds and revokes tokens."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store, self._now = store, now
        self._found: dict[str, tuple[float, Kept]] = {}

    async def add(
        self, name: str, scopes: Sequence[str], *, by: str, expires_in: float | None = None
    ) -> tuple[Kept, str]:
        """Make a token; returns what is kept of it, and the token itself: nobody keeps that."""
        token_id, secret, now = new_id("tok"), secrets.token_urlsafe(SECRET_BYTES), self._now()
        kept = Kept(
            id=token_id,
            name=name,
            scopes=tuple(dict.fromkeys(scopes)),
            hash=_hash(secret),
            created_at=now,
            created_by=by,
            expires_at=now + expires_in if expires_in else None,
        )
        value = kept.model_dump(mode="json", exclude={"id"})
        await self._store.put(KIND, token_id, value, seen=0, expires=kept.expires_at)
        return kept, f"{token_id}_{secret}"

    async def find(self, token: str) -> Caller | None:
        """Return who shows a token."""
        if not (parts := FORM.fullmatch(token)):
            return None
        kept = await self._recall(parts[1])
        if kept and hmac.compare_digest(kept.hash, _hash(parts[2])):
            return kept.caller()
        return None

    async def get(self, token_id: str) -> Kept | None:
        """Return what is kept of a token."""
        record = await self._store.get(KIND, token_id)
        return Kept.model_validate(record.value | {"id": token_id}) if record else None

    async def page(self, *, after: str = "", limit: int) -> list[Kept]:
        """Return tokens that are valid, the oldest first, from the one after `after` on."""
        records = await self._store.records(KIND, after=after, limit=limit)
        return [Kept.model_validate(record.value | {"id": record.key}) for record in records]

    async def revoke(self, token_id: str) -> bool:
        """Make a token invalid; whether there was one."""
        self._found.pop(token_id, None)
        return await self._store.forget(KIND, token_id)

    async def _recall(self, token_id: str) -> Kept | None:
        now = self._now()
        until, kept = self._found.get(token_id, (0.0, None))
        if kept is None or now >= until:
            self._found.pop(token_id, None)
            if (kept := await self.get(token_id)) is None:
                return None
            if len(self._found) >= MOST:
                self._found.clear()
            self._found[token_id] = now + REMEMBERED, kept
        return kept if kept.expires_at is None or now < kept.expires_at else None


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
