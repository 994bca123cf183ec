"""Transcripts over HTTP: the list, the files, and what a room agreed to."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from aiohttp import web
from pydantic import BaseModel, Field

from transcriber.captions.transcript import MEDIA_TYPES, Format
from transcriber.transcripts.archive import Archive, Kept, Missing
from transcriber.transcripts.permission import Permissions
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Route, body, query, token

__all__ = ["Agreement", "Transcripts"]

READ, WRITE = token("captions:read"), token("captions:write")
NOBODY = "api"
"""Who agreed, when it was done over this interface."""


class Item(BaseModel):
    """One transcript; `ended_at` is missing while it goes on."""

    id: str
    room: str
    title: str
    started_at: str
    ended_at: str | None
    lines: int


class Page(BaseModel):
    """Transcripts, the oldest first."""

    items: list[Item]
    next_cursor: str | None


class Agreement(BaseModel):
    """Whether a room agreed to transcripts; `title` is what they are called."""

    keep: bool
    title: str = Field("", max_length=200)


class Chosen(BaseModel):
    """Which transcripts to list."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str = ""
    room: str = ""


class Formatted(BaseModel):
    """How a transcript is written."""

    format: Format = "txt"


class Transcripts:
    """The routes, and what they answer."""

    def __init__(self, archive: Archive, permissions: Permissions) -> None:
        self._archive = archive
        self._permissions = permissions

    def routes(self) -> list[Route]:
        """What can be asked for."""
        every = "/api/v1/transcripts"
        one, agreed = "/api/v1/transcripts/{id}", "/api/v1/transcript-consents/{room}"
        return [
            Route(
                "GET", every, self._list, READ, "All transcripts", response=Page, query=Chosen
            ),
            Route("GET", one, self._get, READ, "One transcript", response=Item),
            Route(
                "GET", f"{one}/content", self._content, READ, "A transcript as a file",
                query=Formatted, answers="*/*",
            ),
            Route("DELETE", one, self._delete, WRITE, "Delete a transcript", status=204),
            Route("GET", agreed, self._agreed, READ, "Has a room agreed?", response=Agreement),
            Route("PUT", agreed, self._agree, WRITE, "Agree, or not", Agreement, Agreement),
        ]  # fmt: skip

    async def _list(self, request: web.Request) -> Page:
        chosen = query(request, Chosen)
        limit = chosen.limit
        found = await self._archive.page(after=chosen.cursor, limit=limit + 1, room=chosen.room)
        more = found[limit - 1].id if len(found) > limit else None
        return Page(items=[_item(kept) for kept in found[:limit]], next_cursor=more)

    async def _get(self, request: web.Request) -> Item:
        return _item(await self._kept(request))

    async def _content(self, request: web.Request) -> web.StreamResponse:
        kept, form = await self._kept(request), query(request, Formatted).format
        response = web.StreamResponse()
        response.content_type = MEDIA_TYPES[form]
        response.charset = "utf-8"
        name = f"{re.sub(r'[^A-Za-z0-9_-]+', '-', kept.title or kept.room)[:80]}.{form}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        await response.prepare(request)
        async for piece in self._archive.text(kept, form):
            if piece:
                await response.write(piece.encode())
        await response.write_eof()
        return response

    async def _delete(self, request: web.Request) -> web.Response:
        await self._archive.delete(await self._kept(request))
        return web.Response(status=204)

    async def _agreed(self, request: web.Request) -> Agreement:
        consent = await self._permissions.consent(request.match_info["room"])
        return Agreement(keep=consent is not None, title=consent.title if consent else "")

    async def _agree(self, request: web.Request) -> Agreement:
        room, wish = request.match_info["room"], body(request, Agreement)
        if wish.keep:
            await self._permissions.give(room, by=NOBODY, title=wish.title)
        else:
            await self._permissions.withdraw(room)
        return wish

    async def _kept(self, request: web.Request) -> Kept:
        try:
            return await self._archive.get(request.match_info["id"])
        except Missing as error:
            raise ProblemError(404, "no-transcript", str(error)) from error


def _item(kept: Kept) -> Item:
    return Item(
        id=kept.id,
        room=kept.room,
        title=kept.title,
        started_at=_moment(kept.started),
        ended_at=None if kept.ended is None else _moment(kept.ended),
        lines=kept.lines,
    )


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
