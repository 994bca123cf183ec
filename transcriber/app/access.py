"""The part that knows who may call us with a token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transcriber.app.house import Face, House
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.tokens import TokenApi, TokenBook

__all__ = ["access", "guard"]


@asynccontextmanager
async def access(house: House) -> AsyncIterator[Face]:
    """Guard what takes a token, and let administrators make them."""
    book = TokenBook(house.store)
    routes = TokenApi(book).routes() if house.crew.front else []
    yield Face(routes, {"token": guard(house, book)})


def guard(house: House, book: TokenBook) -> BearerGuard:
    """Make what knows all tokens: the one of the settings, and those that were made here."""
    settled = AdminToken(house.settings.web.api_token.get_secret_value())
    return BearerGuard(settled, book)
