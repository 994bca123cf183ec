"""A client under observation: what it was told, and waiting for what it should be told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from hpb import Client, Event, InCall, Joined, Message, Participant

__all__ = ["Watched", "watch"]

E = TypeVar("E")

DEADLINE = 30.0
"""Seconds within which something expected has to happen."""


class Watched:
    """A client and everything it was told so far."""

    def __init__(self, hpb: Client) -> None:
        self.hpb = hpb
        self.seen: list[Event] = []

    async def until(
        self,
        kind: type[E],
        that: Callable[[E], bool] = lambda event: True,
        *,
        within: float = DEADLINE,
    ) -> E:
        """Wait for the next event of a kind; raises `TimeoutError`, or what ended the client."""
        async with asyncio.timeout(within):
            async for event in self.hpb:
                self.seen.append(event)
                if isinstance(event, kind) and that(event):
                    return event
        raise AssertionError(f"the client ended without {kind.__name__}")

    async def joined(self, *, within: float = DEADLINE) -> Joined:
        """Wait until it is in the room."""
        return await self.until(Joined, within=within)

    async def in_call(self, user_id: str) -> Participant:
        """Wait for somebody's next entry in the in-call list."""
        update = await self.until(InCall, lambda found: bool(_entries(found, user_id)))
        return _entries(update, user_id)[0]

    async def captions(self, count: int) -> list[str]:
        """Wait for captions; returns their texts in the order they came."""
        texts: list[str] = []
        while len(texts) < count:
            message = await self.until(Message, lambda found: found.type == "transcript")
            texts.append(message.data["message"])
        return texts

    async def during(self, seconds: float) -> list[Event]:
        """Return everything it is told within some time."""
        before = len(self.seen)
        with contextlib.suppress(TimeoutError):
            await self.until(_Never, within=seconds)
        return self.seen[before:]


class _Never:
    """No event is one of these."""


def _entries(update: InCall, user_id: str) -> list[Participant]:
    return [who for who in update.participants if who.user_id == user_id]


@contextlib.asynccontextmanager
async def watch(*clients: Client) -> AsyncIterator[tuple[Watched, ...]]:
    """Bring clients into their rooms, one after the other, and out again at the end."""
    async with contextlib.AsyncExitStack() as stack:
        watched = []
        for client in clients:
            watched.append(Watched(await stack.enter_async_context(client)))
            await watched[-1].joined()
        yield tuple(watched)
