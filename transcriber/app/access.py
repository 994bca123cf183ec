"""The part that knows who may call us with a token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transcriber.app.house import Face, House
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.tokens import TokenApi, TokenBook

__all__ = ["access", "guarding"]


@asynccontextmanager
async def access(house: House) -> AsyncIterator[Face]:
    """Guard what takes a token, and let administrators make them."""
    book = TokenBook(house.store)
    routes = TokenApi(book).routes() if house.crew.front else []
    async with guarding(house, book) as guard:
        yield Face(routes, {"token": guard})


@asynccontextmanager
async def guarding(house: House, book: TokenBook) -> AsyncIterator[BearerGuard]:
    """Know all tokens: that of the settings, those made here, those of an identity provider."""
    settled = AdminToken(house.settings.web.api_token.get_secret_value())
    options = house.settings.oidc
    if not options.issuer:
        yield BearerGuard(settled, book)
        return
    from transcriber.web.oidc.claims import Rules
    from transcriber.web.oidc.identities import Identities
    from transcriber.web.oidc.provider import Provider

    rules = Rules(options.issuer, options.audience, options.claim, frozenset(options.admins))
    async with Provider(options.issuer) as provider:
        yield BearerGuard(settled, book, Identities(provider, rules))
