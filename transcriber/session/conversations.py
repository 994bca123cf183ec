"""
All conversations: started, reached, kept, and gone on with after a restart.

One that is held in a call waits for the first person there and lasts as long as the call. Each of
its steps is kept, so a restart is nothing special: whatever brings us back into the call names it,
and it goes on in its state, with its variables.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import structlog

import dialogs
from dialogs import Library
from dialogs.errors import Busy, Ended
from transcriber import events
from transcriber.bus.memory import Bus
from transcriber.errors import TranscriberError
from transcriber.session.accounts import Account, Accounts, UnknownConversation
from transcriber.session.attendant import Stay
from transcriber.session.conversation import Conversation, Taken
from transcriber.session.host import Engines, Host, Order
from transcriber.session.places import Places
from transcriber.session.register import Register
from transcriber.session.writing import Writing

__all__ = ["Calls", "Conversations"]

ENDING = 5.0
"""Seconds in which whoever ends one waits until it is over."""
HEARD = (
    events.SpeechFinal,
    events.SpeechPartial,
    events.SpeechStarted,
    events.TurnEnded,
    events.DtmfReceived,
    events.PersonJoined,
    events.PersonLeft,
)
"""What happens in a call that matters to a dialog."""

log = structlog.get_logger(__name__)


class Calls(Protocol):
    """Calls of one kind: sees to it that we are in one, and hold a conversation there."""

    async def talk(self, room: str, dialog: str) -> None:
        """A conversation shall be held in a room; raises a `TranscriberError`."""


class Conversations:
    """Keeps them; a `Talker` for those who attend calls. `run` is their lifetime."""

    def __init__(
        self,
        library: Library,
        engines: Engines,
        *,
        accounts: Accounts,
        bus: Bus,
        places: Places | None = None,
        writing: bool = True,
        most: int = 1000,
    ) -> None:
        """
        `writing` says whether those in writing are held in this process, and `places` which of them
        are, where several instances share a store. At `most` so many are held.
        """
        self.library = library
        self.calls: dict[str, Calls] = {}
        """By the kind of their rooms; each part that has calls adds its own."""
        self._bus = bus
        self._host = Host(library, engines, keep=accounts.keep, publish=bus.publish)
        self._register = Register(self._host, accounts, bus, most=most)
        self._writing = Writing(self._host, accounts, self._register, places) if writing else None
        self._heard: dict[str, Conversation] = {}
        """Those that are held in a call, by the id of our stay there."""
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Hold what is started, and keep the flows up to date, until cancelled."""
        silences = [self._bus.subscribe(kind, self._hear) for kind in HEARD]
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self.library.watch(), name="flows")
                if self._writing:
                    self._tasks.create_task(self._writing.run(), name="dialogs in writing")
        finally:
            for silence in silences:
                silence()

    # For whoever starts and reaches them.

    async def start(self, order: Order) -> tuple[Account, Taken]:
        """
        Start one, and say what it began with.

        Raises `UnknownFlow`, `UnknownState`, `Overloaded`, `Conflict` when there is one of that id
        or in that room, and what the calls raise when there is no such room.
        """
        if not order.room:
            assert self._writing
            return await self._writing.start(partial(self._register.enter, order))
        conversation = await self._register.enter(order)
        try:
            await self.calls[order.place].talk(order.room, conversation.id)
        except TranscriberError:
            await self._register.strike(conversation)
            raise
        return conversation.account, Taken("", "")

    async def send(self, id_: str, *words: dialogs.Event) -> Taken:
        """
        Let events happen, and say what they led to as far as that is done.

        Raises `UnknownConversation`, `Ended` when it is over, `Busy` when it cannot take them now.
        """
        if conversation := self._register.live.get(id_):
            return await conversation.send(*words)
        if (await self.get(id_)).outcome:
            raise Ended("the conversation is over")
        raise Busy("the conversation waits for its call")

    async def get(self, id_: str) -> Account:
        """How one is, also some time after its end; raises `UnknownConversation`."""
        return await self._register.get(id_)

    async def page(self, *, after: str = "", limit: int = 50) -> Sequence[Account]:
        """Return those that there are and were, by id, from the one after `after` on."""
        return await self._register.page(after=after, limit=limit)

    async def held(self, where: str) -> str:
        """Return the id of the one that is held in a place (`KIND/ROOM`), if there is one."""
        return await self._register.held(where)

    async def where(self, id_: str) -> str:
        """Name the place where one is held; nothing if it is over, or there is none."""
        try:
            account = await self.get(id_)
        except UnknownConversation:
            return ""
        return "" if account.outcome else account.where

    def concerns(self, id_: str, event: events.Event) -> bool:
        """Whether an event belongs to a conversation, or to the call it is held in here."""
        held = self._heard.get(event.session_id)
        return event.metadata.get("dialog_id") == id_ or (held is not None and held.id == id_)

    async def end(self, id_: str) -> None:
        """End one; raises `UnknownConversation`, and `Ended` when it is over already."""
        conversation = self._register.live.get(id_)
        if conversation and conversation.close("closed"):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ENDING):
                    await conversation.over.wait()
        elif (account := await self.get(id_)).outcome:
            raise Ended("the conversation is over")
        else:
            await self._register.finish(account, "closed")

    # For whoever attends calls.

    async def converse(self, dialog: str, stay: Stay) -> None:
        """Hold a conversation from when somebody is there; when cancelled, it can go on."""
        conversation = await self._register.find(dialog)
        if conversation is None:
            return
        self._heard[stay.session.id] = conversation
        try:
            conversation.somebody.clear()
            await self._host.prepare()
            if not stay.session.people:
                await conversation.somebody.wait()
            if not conversation.outcome:
                await self._host.talk(conversation, stay)
                await self._register.finish(conversation.account)
        finally:
            del self._heard[stay.session.id]

    def over(self, dialog: str) -> None:
        """Its call is over, and will not be entered again."""
        if self._tasks:
            self._tasks.create_task(self._call_over(dialog), name=f"end {dialog}")

    async def _call_over(self, dialog: str) -> None:
        try:
            account = await self.get(dialog)
        except TranscriberError as problem:
            log.warning("conversation of a call not found", dialog=dialog, problem=str(problem))
            return
        if not account.outcome:
            await self._register.finish(account, "closed")

    def _hear(self, event: events.Event) -> None:
        if conversation := self._heard.get(event.session_id):
            conversation.happened(event)
