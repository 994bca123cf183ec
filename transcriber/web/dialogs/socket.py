"""
One conversation over a WebSocket: everything that happens in it, and events for it.

Whoever connects shows a token first, in a message or in the header of the request. What we tell
waits in a bounded outbox, and whoever does not read it is let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any, Literal

import structlog
from aiohttp import WSMsgType, web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dialogs.errors import DialogError
from transcriber.bus.memory import Bus
from transcriber.errors import TranscriberError
from transcriber.events import DialogEnded, Event
from transcriber.session.conversations import Conversations
from transcriber.web.auth import BearerGuard, Caller, bearer
from transcriber.web.dialogs.models import Sent, SessionShown, TakenShown
from transcriber.web.dialogs.rest import refusal
from transcriber.web.problems import ProblemError
from transcriber.web.routes import PUBLIC, Route
from transcriber.web.telling import Outbox, Over, telling, wrong

__all__ = ["DialogSocket"]

INTRODUCTION = 5.0
"""Seconds until a client must have shown a token."""
OUTBOX = 512
"""Messages that wait for somebody who reads slowly."""
LARGEST = 64 * 1024
"""Bytes of a message to us."""
PACE = 50
"""Messages a second that one client may send."""

Message = dict[str, Any]
log = structlog.get_logger(__name__)


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Auth(_Said):
    """Who is there."""

    type: Literal["auth"]
    token: str


class Send(_Said):
    """Let something happen; `id` comes back with the answer."""

    type: Literal["send"]
    event: Sent
    id: Annotated[str, Field(max_length=100)] = ""


class Ping(_Said):
    """Are you there?"""

    type: Literal["ping"]


SAID: TypeAdapter[Auth | Send | Ping] = TypeAdapter(
    Annotated[Auth | Send | Ping, Field(discriminator="type")]
)


class DialogSocket:
    """Lets programs follow a conversation, and take part in it."""

    def __init__(self, conversations: Conversations, bus: Bus, guard: BearerGuard) -> None:
        self._conversations, self._bus, self._guard = conversations, bus, guard

    def routes(self) -> list[Route]:
        """The route; the token comes with the first message, or in the header."""
        path = "/api/v1/dialogs/sessions/{dialog_id}/ws"
        what = "Follow a conversation, over a WebSocket"
        return [Route("GET", path, self.handle, PUBLIC, what, status=101, answers="")]

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Tell one client everything, until the conversation is over or they go."""
        async with telling(request, most=OUTBOX, largest=LARGEST) as (socket, outbox):
            caller = await self._introduction(request, socket)
            await self._follow(socket, request.match_info["dialog_id"], caller, outbox)
        return socket

    async def _introduction(self, request: web.Request, socket: web.WebSocketResponse) -> Caller:
        """Learn who they are by their token; raises `Over` for one that allows nothing here."""
        try:
            token = bearer(request) or await self._said(socket)
            return await self._guard.check(token, "dialogs:read")
        except (TimeoutError, ValidationError, ProblemError):
            raise Over("token") from None

    async def _said(self, socket: web.WebSocketResponse) -> str:
        said = _read((await socket.receive(INTRODUCTION)).data)
        return said.token.strip() if isinstance(said, Auth) else ""

    async def _follow(
        self, socket: web.WebSocketResponse, id_: str, caller: Caller, outbox: Outbox
    ) -> None:
        over = asyncio.Event()

        def happened(event: Event) -> None:
            if self._conversations.concerns(id_, event):
                outbox.push({"type": "happened", "event": event.model_dump(mode="json")})
                if isinstance(event, DialogEnded):
                    over.set()

        silence = self._bus.subscribe(Event, happened)
        try:
            account = await self._conversations.get(id_)
            shown = SessionShown.of(account).model_dump(mode="json")
            outbox.push({"type": "ready", "session": shown})
            if not account.outcome:
                writes = caller.may("dialogs:write")
                await _first(over.wait(), self._talk(socket, id_, writes, outbox))
            raise Over("ended" if account.outcome or over.is_set() else "left")
        except TranscriberError as error:
            raise Over(error.code) from error
        finally:
            silence()

    async def _talk(
        self,
        socket: web.WebSocketResponse,
        id_: str,
        writes: bool,
        outbox: Outbox,
    ) -> None:
        """Take what they say, until they go."""
        clock = asyncio.get_running_loop().time
        second, count = 0, 0
        async for frame in socket:
            now = int(clock())
            second, count = now, count + 1 if now == second else 1
            if frame.type is not WSMsgType.TEXT or count > PACE:
                outbox.push(_error("bad_message", "text, and not so much of it"))
                return
            outbox.push(await self._answer(frame.data, id_, writes))

    async def _answer(self, text: str, id_: str, writes: bool) -> Message:
        try:
            said = _read(text)
        except ValidationError as error:
            return _error("bad_message", wrong(error))
        match said:
            case Ping():
                return {"type": "pong"}
            case Auth():
                return _error("bad_message", "we know who you are")
        if not writes:
            return _error("not_allowed", "this token does not allow dialogs:write", said.id)
        try:
            taken = await self._conversations.send(id_, *said.event.events())
        except DialogError as error:
            problem = refusal(error).problem
            return _error(problem.type, problem.detail, said.id)
        except TranscriberError as error:
            return _error(error.code, str(error), said.id)
        return {"type": "taken", "id": said.id, **TakenShown.of(taken).model_dump(mode="json")}


async def _first(*works: Awaitable[object]) -> None:
    """Wait until one of these is done."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _read(text: Any) -> Auth | Send | Ping:
    return SAID.validate_json(text if isinstance(text, str) else "")


def _error(code: str, message: str, about: str = "") -> Message:
    return {"type": "error", "code": code.replace("-", "_"), "message": message, "id": about}
