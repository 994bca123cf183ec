"""The part that holds conversations: in calls, in rooms, in writing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transcriber.app.house import Face, House
from transcriber.web.auth import AdminToken
from transcriber.web.dialogs import DialogApi, DialogSocket

__all__ = ["dialogs"]


@asynccontextmanager
async def dialogs(house: House) -> AsyncIterator[Face]:
    """Hold conversations, and let programs reach them."""
    if not house.talks:
        yield Face()
        return
    tokens = AdminToken(house.settings.web.api_token.get_secret_value())
    async with house.talks.held():
        conversations = house.talks.conversations
        socket = DialogSocket(conversations, house.bus, tokens)
        yield Face([*DialogApi(conversations).routes(), *socket.routes()])
