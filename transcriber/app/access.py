"""The part that knows who may call us with a token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transcriber.app.house import Face, House
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.tokens import TokenApi, TokenBook

__all__ = ["access"]


@asynccontextmanager
async def access(house: House) -> AsyncIterator[Face]:
    """Guard what takes a token, and let administrators make them."""
    book = TokenBook(house.store)
    settled = AdminToken(house.settings.web.api_token.get_secret_value())
    routes = TokenApi(book).routes() if house.crew.front else []
    yield Face(routes, {"token": BearerGuard(settled, book)})
