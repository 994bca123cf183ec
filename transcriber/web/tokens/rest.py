"""The routes about tokens: for administrators alone."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from transcriber.events import Moment
from transcriber.web.auth import CALLER
from transcriber.web.moment import moment
from transcriber.web.paging import Items, Page, paged
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Route, body, query, token
from transcriber.web.scopes import ADMIN, SCOPES
from transcriber.web.tokens.book import Kept, TokenBook

__all__ = ["TokenApi"]

LONGEST = 10 * 366 * 86_400.0
"""Seconds that a token may be valid, if it ends at all."""


def _known(scope: str) -> str:
    if scope not in SCOPES:
        raise ValueError(f"there is no scope {scope!r}; there are {', '.join(SCOPES)}")
    return scope


Scope = Annotated[
    str, Field(max_length=50, json_schema_extra={"enum": sorted(SCOPES)}), AfterValidator(_known)
]


class NewToken(BaseModel):
    """What a token is for, what it allows, and for how many seconds; for ever if not said."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=120)
    scopes: list[Scope] = Field(min_length=1, max_length=len(SCOPES))
    expires_in: float | None = Field(None, ge=1, le=LONGEST)


class ShownToken(BaseModel):
    """A token without its secret, which is never shown again."""

    id: str
    name: str
    scopes: list[str]
    created_at: Moment
    created_by: str
    expires_at: Moment | None


class MadeToken(ShownToken):
    """A new token: keep it, it is shown this once."""

    token: str


class TokenApi:
    """Lets administrators make and revoke tokens."""

    def __init__(self, book: TokenBook) -> None:
        self._book = book

    def routes(self) -> list[Route]:
        """What may be called."""
        all_, one, admin = "/api/v1/tokens", "/api/v1/tokens/{id}", token(ADMIN)
        return [
            Route("POST", all_, self._add, admin, "Make a token", NewToken, MadeToken, 201),
            Route("GET", all_, self._list, admin, "All tokens", None, Items[ShownToken],
                  query=Page),
            Route("GET", one, self._get, admin, "One token", response=ShownToken),
            Route("DELETE", one, self._revoke, admin, "Revoke a token", status=204),
        ]  # fmt: skip

    async def _add(self, request: web.Request) -> web.StreamResponse:
        new = body(request, NewToken)
        kept, secret = await self._book.add(
            new.name, new.scopes, by=request[CALLER].id, expires_in=new.expires_in
        )
        made = MadeToken(**_shown(kept).model_dump(), token=secret)
        headers = {"Location": f"/api/v1/tokens/{kept.id}"}
        return web.json_response(text=made.model_dump_json(), status=201, headers=headers)

    async def _list(self, request: web.Request) -> Items[ShownToken]:
        page = query(request, Page)
        rows = await self._book.page(after=page.cursor, limit=page.limit + 1)
        return paged(rows, page.limit, _shown, lambda row: row.id)

    async def _get(self, request: web.Request) -> ShownToken:
        if kept := await self._book.get(request.match_info["id"]):
            return _shown(kept)
        raise _unknown(request)

    async def _revoke(self, request: web.Request) -> None:
        if not await self._book.revoke(request.match_info["id"]):
            raise _unknown(request)


def _unknown(request: web.Request) -> ProblemError:
    return ProblemError(404, "no-token", f"there is no token {request.match_info['id']}")


def _shown(kept: Kept) -> ShownToken:
    return ShownToken(
        id=kept.id,
        name=kept.name,
        scopes=list(kept.scopes),
        created_at=moment(kept.created_at),
        created_by=kept.created_by,
        expires_at=None if kept.expires_at is None else moment(kept.expires_at),
    )
