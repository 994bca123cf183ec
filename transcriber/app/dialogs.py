"""The part that holds conversations: in calls, in rooms, in writing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transcriber.app.access import guarding
from transcriber.app.house import Face, House
from transcriber.web.dialogs import DialogApi, DialogSocket

__all__ = ["dialogs"]


@asynccontextmanager
async def dialogs(house: House) -> AsyncIterator[Face]:
    """Hold conversations, and let programs reach them."""
    if not house.talks:
        yield Face()
        return
    async with house.talks.held(), guarding(house) as known:
        conversations = house.talks.conversations
        socket = DialogSocket(conversations, house.bus, known.guard)
        yield Face([*DialogApi(conversations).routes(), *socket.routes()])
