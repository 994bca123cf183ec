"""Talk's calls over REST: which are attended, and who hears them."""

from __future__ import annotations

from typing import Annotated, Protocol

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from transcriber import engines
from transcriber.engines.stt.policy import Policy
from transcriber.errors import Misconfigured, NotFound
from transcriber.session.wishes import Wish
from transcriber.web.routes import Route, body, token

__all__ = ["Calls", "EnginePolicy", "ModelName"]

READ, WRITE = token("rooms:read"), token("rooms:write")


def _policy(wanted: str) -> str:
    """Refuse what is no policy, and engines that there are not."""
    try:
        names = Policy.parse(wanted).engines if wanted else ()
        for name in names:
            engines.stt(name)
    except Misconfigured as wrong:
        raise ValueError(str(wrong).partition(": ")[2]) from None
    return wanted


EnginePolicy = Annotated[str, Field(max_length=500), AfterValidator(_policy)]
"""Who hears: an engine's name, or several by language; empty: who usually does."""
ModelName = Annotated[str, Field(max_length=120, pattern=r"^[A-Za-z0-9_./=:-]*$")]


class Heard(BaseModel):
    """How a call is to be heard; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = None
    engine: EnginePolicy | None = None
    model: ModelName | None = None


class Shown(BaseModel):
    """A call that is attended."""

    room: str
    language: str
    engine: str
    model: str
    readers: int


class CallList(BaseModel):
    """All of them."""

    items: list[Shown]
    next_cursor: None = None


class Wishes(Protocol):
    """Keeps what shall be true: the supervisor."""

    async def wishes(self) -> list[Wish]:
        """What is wished now."""

    async def hear(self, room: str, engine: str, model: str = "") -> None:
        """Another engine hears a room; raises `KeyError` if nobody reads it."""

    async def speak(self, room: str, language: str) -> None:
        """Another language is spoken in a room; raises `KeyError` if nobody reads it."""


class Calls:
    """The routes, and what they answer."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes

    def routes(self) -> list[Route]:
        """What can be asked for."""
        every, one = "/api/v1/calls", "/api/v1/calls/{room}"
        return [
            Route("GET", every, self._list, READ, "The calls we are in", response=CallList),
            Route("PATCH", one, self._change, WRITE, "Say who hears a call", Heard, response=Shown),
        ]

    async def _list(self, request: web.Request) -> CallList:
        return CallList(items=[_shown(wish) for wish in await self._wishes.wishes()])

    async def _change(self, request: web.Request) -> Shown:
        room, wanted = request.match_info["room"], body(request, Heard)
        wish = await self._find(room)
        try:
            if wanted.language is not None:
                await self._wishes.speak(room, wanted.language)
            if wanted.engine is not None or wanted.model is not None:
                engine = wish.engine if wanted.engine is None else wanted.engine
                model = wish.model if wanted.model is None else wanted.model
                await self._wishes.hear(room, engine, model)
        except KeyError:
            raise NotFound("the call is over") from None
        return _shown(await self._find(room))

    async def _find(self, room: str) -> Wish:
        for wish in await self._wishes.wishes():
            if wish.room == room:
                return wish
        raise NotFound("there is no such call, or nobody reads it")


def _shown(wish: Wish) -> Shown:
    return Shown(
        room=wish.room,
        language=wish.language,
        engine=wish.engine,
        model=wish.model,
        readers=len(wish.readers),
    )
