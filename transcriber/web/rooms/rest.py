"""Rooms over REST: made, listed, closed, and tokens to enter them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, field_validator

from transcriber.connectors.sfu.book import Book, Booked
from transcriber.errors import NotFound
from transcriber.ids import new_id
from transcriber.rtc.sfu.room import Plan, Room, describe
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.web.calls import EnginePolicy, ModelName
from transcriber.web.door import origin
from transcriber.web.paging import Page
from transcriber.web.problems import ProblemError
from transcriber.web.rooms.messages import LANGUAGE
from transcriber.web.rooms.tokens import GRANTS, Claims, Tokens
from transcriber.web.rooms.welcome import Welcome
from transcriber.web.routes import BODY, PUBLIC, Route, query, token

__all__ = ["OpenRooms", "RoomApi"]

DAY = 86_400
LONGEST = 30 * DAY
"""Seconds that a token may be valid."""
VISIT = DAY
"""Seconds that a token of an open room is valid."""
PER_MINUTE = 30
"""Rooms and tokens that one address may have in a minute while rooms are open."""
ADDRESSES = 10_000
"""Addresses that are counted; more than that in a minute are all refused."""

M = TypeVar("M", bound=BaseModel)
Chosen = Callable[[str | None], str]
"""Chooses the dialog of a room: the one it names, the usual one if it names none."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewRoom(_Body):
    """What a room is to be like."""

    name: Annotated[str, Field(max_length=120)] = ""
    language: Annotated[str, Field(pattern=LANGUAGE, max_length=35)] | None = None
    captions: bool = True
    e2ee: bool = False
    dialog: Annotated[str, Field(max_length=200)] | None = None
    """Which dialog is held in it; empty for none."""
    max_participants: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    engine: EnginePolicy = ""
    model: ModelName = ""


class ShownRoom(BaseModel):
    """A room."""

    id: str
    name: str
    language: str
    captions: bool
    e2ee: bool
    dialog: str
    max_participants: int
    created_at: str
    participants: int
    members: list[dict[str, Any]] | None = None


class RoomList(BaseModel):
    """Rooms, the oldest first."""

    items: list[ShownRoom]
    next_cursor: str | None


class NewToken(_Body):
    """Who is to enter, as whom, for how long, to do what."""

    identity: Annotated[str, Field(max_length=80)] = ""
    name: Annotated[str, Field(max_length=80)] = ""
    grants: list[str] = ["join", "publish", "subscribe"]
    ttl_s: Annotated[int, Field(ge=10, le=LONGEST)] = 3_600

    @field_validator("grants")
    @classmethod
    def _known(cls, grants: list[str]) -> list[str]:
        if strange := set(grants) - set(GRANTS):
            raise ValueError(f"{', '.join(sorted(strange))}: there are {', '.join(GRANTS)}")
        return grants


class ShownToken(BaseModel):
    """A token, and where to go with it."""

    token: str
    expires_at: str
    url: str


class RoomApi:
    """What programs with an API token may do."""

    def __init__(
        self,
        rooms: Rooms,
        book: Book,
        tokens: Tokens,
        welcome: Welcome,
        *,
        language: str,
        dialog: Chosen = lambda name: name or "",
    ) -> None:
        """`dialog` chooses which one is held in a room, and refuses those that there are not."""
        self._rooms, self._book, self._tokens, self._welcome = rooms, book, tokens, welcome
        self._language, self._dialog = language, dialog

    def routes(self) -> list[Route]:
        """The routes."""
        read, write = token("rooms:read"), token("rooms:write")
        all_, one = "/api/v1/rooms", "/api/v1/rooms/{room_id}"
        return [
            Route("POST", all_, self._create, write, "Make a room", NewRoom, ShownRoom, 201),
            Route("GET", all_, self._list, read, "Rooms", response=RoomList, query=Page),
            Route("GET", one, self._show, read, "Show a room", response=ShownRoom),
            Route("DELETE", one, self._close, write, "Close a room", status=204),
            Route(
                "POST", f"{one}/tokens", self._token, write, "Make a token for a room", NewToken,
                ShownToken, 201,
            ),
        ]  # fmt: skip

    async def _create(self, request: web.Request) -> web.StreamResponse:
        wish = _body(request, NewRoom)
        language = wish.language or self._language
        dialog = "" if wish.e2ee else self._dialog(wish.dialog)
        plan = Plan(
            **wish.model_dump(exclude={"language", "dialog"}), language=language, dialog=dialog
        )
        room = await self._book.add(plan)
        shown = self._shown(Booked(room)).model_dump_json(exclude_none=True)
        where = {"Location": f"/api/v1/rooms/{room.id}"}
        return web.json_response(text=shown, status=201, headers=where)

    async def _list(self, request: web.Request) -> RoomList:
        page = query(request, Page)
        limit = page.limit
        found = await self._book.page(after=page.cursor, limit=limit + 1)
        items = [self._shown(room) for room in found[:limit]]
        return RoomList(items=items, next_cursor=items[-1].id if len(found) > limit else None)

    async def _show(self, request: web.Request) -> ShownRoom:
        room = self._rooms.find(request.match_info["room_id"])
        members = [describe(member) for member in room.members.values()]
        return self._shown(Booked(room, len(members))).model_copy(update={"members": members})

    async def _close(self, request: web.Request) -> web.StreamResponse:
        self._rooms.close(self._rooms.find(request.match_info["room_id"]))
        return web.Response(status=204)

    async def _token(self, request: web.Request) -> ShownToken:
        room, wish = self._rooms.find(request.match_info["room_id"]), _body(request, NewToken)
        claims = Claims(
            room=room.id,
            identity=wish.identity or new_id("idy"),
            name=wish.name,
            grants=tuple(wish.grants),
            expires=time.time() + wish.ttl_s,
        )
        return ShownToken(
            token=self._tokens.issue(claims),
            expires_at=_moment(claims.expires),
            url=f"{request.url.origin()}/rooms/{room.id}",
        )

    def _shown(self, booked: Booked) -> ShownRoom:
        room, plan = booked.room, booked.room.plan
        return ShownRoom(
            id=room.id,
            name=plan.name,
            language=plan.language,
            captions=self._welcome.possible(room),
            e2ee=plan.e2ee,
            dialog=plan.dialog,
            max_participants=plan.max_participants,
            created_at=_moment(room.created.timestamp()),
            participants=booked.participants,
        )


class OpenRoom(_Body):
    """What a visitor may choose."""

    name: Annotated[str, Field(max_length=120)] = ""
    language: Annotated[str, Field(pattern=LANGUAGE, max_length=35)] | None = None


class Visit(BaseModel):
    """A room and a token for it."""

    room_id: str
    token: str
    expires_at: str


class OpenRooms:
    """What anybody may do while rooms are open: make one, and enter one whose address they have."""

    def __init__(
        self,
        rooms: Rooms,
        book: Book,
        tokens: Tokens,
        *,
        language: str,
        dialog: Chosen = lambda name: name or "",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rooms, self._book, self._tokens = rooms, book, tokens
        self._language, self._dialog = language, dialog
        self._now = now
        self._minute = 0
        self._counts: dict[str, int] = {}

    def routes(self) -> list[Route]:
        """The routes."""
        base = "/api/v1/open/rooms"
        return [
            Route("POST", base, self._create, PUBLIC, "Make an open room", OpenRoom, Visit, 201),
            Route(
                "POST", f"{base}/{{room_id}}/tokens", self._enter, PUBLIC, "Enter an open room",
                response=Visit, status=201,
            ),
        ]  # fmt: skip

    async def _create(self, request: web.Request) -> Visit:
        self._admit(request)
        wish = _body(request, OpenRoom)
        language = wish.language or self._language
        plan = Plan(name=wish.name, language=language, open=True, dialog=self._dialog(None))
        return self._visit(await self._book.add(plan))

    async def _enter(self, request: web.Request) -> Visit:
        self._admit(request)
        room = self._rooms.find(request.match_info["room_id"])
        if not room.plan.open:
            raise NotFound("there is no such open room")
        return self._visit(room)

    def _visit(self, room: Room) -> Visit:
        expires = time.time() + VISIT
        claims = Claims(room=room.id, identity=new_id("idy"), expires=expires)
        return Visit(room_id=room.id, token=self._tokens.issue(claims), expires_at=_moment(expires))

    def _admit(self, request: web.Request) -> None:
        """Raise 404 where rooms are not open, and 429 for who asks too often."""
        if not self._rooms.options.open:
            raise ProblemError(404, "not-found", "rooms are not open here; ask for an invitation")
        minute, address = int(self._now() // 60), origin(request)
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        count = self._counts.get(address, 0)
        if count >= PER_MINUTE or len(self._counts) >= ADDRESSES:
            raise ProblemError(429, "too-many", "too many rooms asked for", retry_after=60)
        self._counts[address] = count + 1


def _body(request: web.Request, model: type[M]) -> M:
    body = request[BODY]
    assert isinstance(body, model)
    return body


def _moment(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
