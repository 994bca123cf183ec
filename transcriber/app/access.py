"""The part that knows who may call us: with a token, signed in, or through Nextcloud."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from transcriber.app.home import identity
from transcriber.app.house import Face, House
from transcriber.web.appapi import AppApiGuard
from transcriber.web.auth import AdminToken, BearerGuard, Callers, Guard
from transcriber.web.routes import Kind, Route
from transcriber.web.sessions import SessionApi, Sessions
from transcriber.web.tokens import TokenApi, TokenBook

__all__ = ["access", "guarding"]


@dataclass(frozen=True, slots=True)
class Access:
    """What lets people and programs in; `routes` lead them to the identity provider and back."""

    guard: BearerGuard
    book: TokenBook
    sessions: Sessions
    routes: Sequence[Route] = ()


@asynccontextmanager
async def access(house: House) -> AsyncIterator[Face]:
    """Guard what takes a token, and let administrators make them and sign in."""
    async with guarding(house) as known:
        guards: Mapping[Kind, Guard] = {"token": known.guard}
        if not house.crew.front:
            yield Face(guards=guards)
            return
        visitor, provider = known.guard.visitor, bool(known.routes)
        signed = SessionApi(known.sessions, visitor, provider=provider).routes()
        yield Face([*TokenApi(known.book).routes(), *signed, *known.routes], guards)


@asynccontextmanager
async def guarding(house: House) -> AsyncIterator[Access]:
    """
    Know all tokens (that of the settings, those made here, those of an identity provider), who has
    signed in, and whom Nextcloud lets through.
    """
    settings, options = house.settings, house.settings.oidc
    book = TokenBook(house.store)
    known: list[Callers] = [AdminToken(settings.web.api_token.get_secret_value()), book]
    cloud = [AppApiGuard(identity(settings))] if settings.nextcloud.app_id else []

    def made(sessions: Sessions, routes: Sequence[Route] = ()) -> Access:
        return Access(BearerGuard(*known, visitors=[*cloud, sessions]), book, sessions, routes)

    if not options.issuer:
        yield made(Sessions(house.store))
        return
    from transcriber.web.oidc.claims import Rules
    from transcriber.web.oidc.identities import Identities
    from transcriber.web.oidc.provider import Provider
    from transcriber.web.oidc.sign_in import SignIn, Us

    def rules(audience: str) -> Rules:
        return Rules(options.issuer, audience, options.claim, frozenset(options.admins))

    async with Provider(options.issuer) as provider:
        programs = Identities(provider, rules(options.audience))
        known.append(programs)
        if not options.client:
            yield made(Sessions(house.store))
            return
        us = Us(options.client, options.secret.get_secret_value(), options.console)
        sessions = Sessions(house.store, us.place)
        people = Identities(provider, rules(options.client))
        yield made(sessions, SignIn(provider, people, programs, sessions, us).routes())
