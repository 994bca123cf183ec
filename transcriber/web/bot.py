"""
What Talk's chat tells our bot.

Talk signs what it tells, and calls either us or AppAPI, which checks the signature, reads the
message and sends it on with its own proof of who calls. So either proof will do. It must stay so
that AppAPI lets nobody else call this path: it is not among the routes of `appinfo/info.xml`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from transcriber import aio
from transcriber.errors import TranscriberError
from transcriber.transcripts import commands
from transcriber.transcripts.permission import Permissions
from transcriber.web.problems import ProblemError
from transcriber.web.routes import PUBLIC, Route

__all__ = ["Bot"]

MODERATORS = {"1", "2", "6"}
"""Talk's kinds of participants that may decide for a room: owner, moderator, guest moderator."""

ANSWERS = 100
"""Answers that wait to be written; the oldest are given up."""

log = structlog.get_logger(__name__)


class Anything(BaseModel):
    """Something that is read as far as it is known."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class Actor(Anything):
    """Who did something: `users/ann`, by the name Ann, a participant of some kind."""

    id: str = Field("", max_length=300)
    name: str = ""
    kind: str = Field("", alias="talkParticipantType")


class Thing(Anything):
    """What it was done to: a message, or a room."""

    id: str = ""
    name: str = ""
    content: str = ""


class Told(Anything):
    """Something happened in a room."""

    type: str
    actor: Actor = Actor()
    object: Thing = Thing()
    target: Thing = Thing()


class Bot:
    """Does what people ask for about transcripts."""

    def __init__(
        self,
        permissions: Permissions,
        *,
        trusted: Callable[[web.Request], bool],
        told: Callable[[Mapping[str, str], bytes], bool],
        say: Callable[[str, str], Awaitable[None]],
    ) -> None:
        """
        `trusted` says whether AppAPI calls, `told` whether Talk signed; `say` answers in a room.
        """
        self._permissions = permissions
        self._trusted = trusted
        self._told = told
        self._say = say
        self._answers: aio.Backlog[tuple[str, str]] = aio.Backlog(ANSWERS)

    async def run(self) -> None:
        """Write answers until cancelled: Talk waits for us, and we do not wait for Talk."""
        async for room, text in self._answers:
            try:
                await self._say(room, text)
            except TranscriberError as problem:
                log.warning("no answer in the chat", room=room, problem=str(problem))

    def routes(self, path: str) -> list[Route]:
        """Where Talk tells us."""
        return [Route("POST", path, self._happened, PUBLIC, "Talk's chat", response=Anything)]

    async def _happened(self, request: web.Request) -> Anything:
        body = await request.read()
        if not self._trusted(request) and not self._told(request.headers, body):
            raise ProblemError(401, "unauthorized", "this is not signed by our Talk")
        try:
            event = Told.model_validate_json(body)
        except ValueError as error:
            raise ProblemError(400, "bad-message", "this is no message of Talk's") from error
        if event.type in ("Join", "Leave"):
            await self._permissions.changed(event.object.id)
        if event.type == "Create" and (wish := commands.command(_text(event.object.content))):
            self._answers.push((event.target.id, await self._do(wish, event)))
        return Anything()

    async def _do(self, wish: commands.Command, event: Told) -> str:
        room, who = event.target.id, event.actor.id
        match wish:
            case "me off":
                await self._permissions.leave_out(room, who)
                return f"What {event.actor.name} says is left out of transcripts."
            case "me on":
                await self._permissions.let_in(room, who)
                return f"What {event.actor.name} says is kept again."
            case "on" | "off" if event.actor.kind not in MODERATORS:
                return "Only moderators decide about transcripts."
            case "on":
                await self._permissions.give(room, by=who, title=event.target.name)
                return "Transcripts of this room's calls are kept from now on."
            case "off":
                await self._permissions.withdraw(room)
                return "No transcripts are kept any more."
        return await self._help(room)

    async def _help(self, room: str) -> str:
        kept = await self._permissions.consent(room) is not None
        state = "Transcripts of this room's calls are kept." if kept else "No transcripts are kept."
        return f"{state}\n\n{commands.HELP}"


def _text(content: str) -> str:
    """What a message says; Talk wraps it once more."""
    try:
        message: Any = json.loads(content)["message"]
    except (ValueError, LookupError, TypeError):
        return ""
    return message if isinstance(message, str) else ""
