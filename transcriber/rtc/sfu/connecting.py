"""Finding the way of one of a participant's connections: only the last try counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, Literal, Protocol

import structlog

from transcriber.rtc.path import Unreachable
from transcriber.rtc.sfu.room import Grant, Member, Message, Room

__all__ = ["Connecting", "Owner", "Peer"]

Peer = Literal["publish", "subscribe"]
log = structlog.get_logger(__name__)


class Owner(Member, Protocol):
    """The participant whose connections they are."""

    room: Room
    grants: Collection[Grant]

    def need(self, grant: Grant) -> None:
        """Raise `NotAllowed` without a grant."""

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        """Do something meanwhile; nothing is begun once they have left."""


class Connection(Protocol):
    """One that was agreed on."""

    async def connect(self) -> None:
        """Find its way; raises `Unreachable`."""


class Connecting:
    """Connects as often as there is something new to connect to."""

    def __init__(
        self,
        owner: Owner,
        peer: Peer,
        connection: Connection,
        *,
        failed: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`failed` is done each time that no way is found."""
        self.failures = 0
        """How often none was found, since one was."""
        self._owner, self._peer, self._connection = owner, peer, connection
        self._failed = failed
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Try what was agreed on last."""
        self.stop()
        self._task = self._owner.start(self._try())

    def stop(self) -> None:
        """Try no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _try(self) -> None:
        try:
            await self._connection.connect()
            self.failures = 0
        except Unreachable as error:
            self.failures += 1
            log.info(
                "not connected", room=self._owner.room.id, participant=self._owner.id,
                peer=self._peer, problem=str(error),
            )  # fmt: skip
            message: Message = {"type": "error", "code": error.code, "message": str(error)}
            self._owner.tell({**message, "for": self._peer})
            if self._failed is not None:
                await self._failed()
