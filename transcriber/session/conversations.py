"""
All conversations: started, reached, kept, and gone on with after a restart.

One that is held in a call waits for the first person there and lasts as long as the call. Each of
its steps is kept, so a restart is nothing special: the wish for the room brings us back into the
call, and the conversation goes on in its state, with its variables. One in writing goes on at once,
and is over when nobody has written for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import structlog

import dialogs
from dialogs import Library
from dialogs.errors import Busy, DialogError, Ended
from transcriber import aio, events
from transcriber.bus.memory import Bus
from transcriber.errors import Overloaded, TranscriberError
from transcriber.session.accounts import Account, Accounts, UnknownConversation
from transcriber.session.attendant import Stay
from transcriber.session.conversation import Conversation, Taken
from transcriber.session.host import Engines, Host, Order
from transcriber.store import Conflict, StoreFailed

__all__ = ["Conversations", "Place"]

IDLE = 1800.0
"""Seconds without a word after which a conversation in writing is over."""
TURN = 60.0
"""Seconds between two looks for idle ones."""
ENDING = 5.0
"""Seconds in which whoever ends one waits until it is over."""
TRIES = 6
"""How often its end is written down while the store is away."""
HEARD = (
    events.SpeechFinal,
    events.SpeechPartial,
    events.SpeechStarted,
    events.DtmfReceived,
    events.PersonJoined,
    events.PersonLeft,
)
"""What happens in a call that matters to a dialog."""

log = structlog.get_logger(__name__)


class Place(Protocol):
    """Where calls are: sees to it that we are in one, and hold a conversation there."""

    async def talk(self, room: str, dialog: str) -> None:
        """A conversation shall be held in a room; raises `Overloaded`."""

    async def hush(self, room: str, dialog: str) -> None:
        """That conversation is over."""


class Conversations:
    """Keeps them; a `Talker` for those who attend calls. `run` is their lifetime."""

    def __init__(
        self,
        library: Library,
        engines: Engines,
        *,
        accounts: Accounts,
        bus: Bus,
        most: int = 1000,
    ) -> None:
        self.library = library
        self._host = Host(library, engines, keep=accounts.keep, publish=bus.publish)
        self.places: dict[str, Place] = {}
        """Where calls are, by kind; each part that has calls adds its own."""
        self._accounts, self._bus = accounts, bus
        self._most = most
        self._live: dict[str, Conversation] = {}
        self._heard: dict[str, Conversation] = {}
        """Those that are held in a call, by the id of our stay there."""
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Go on with what was kept, and hold what is started, until cancelled."""
        silences = [self._bus.subscribe(kind, self._hear) for kind in HEARD]
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self.library.watch(), name="flows")
                self._tasks.create_task(self._resume(), name="kept conversations")
                while True:
                    await asyncio.sleep(TURN)
                    self._end_idle()
        finally:
            for silence in silences:
                silence()

    # For whoever starts and reaches them.

    async def start(self, order: Order) -> tuple[Account, Taken]:
        """
        Start one, and say what it began with.

        Raises `UnknownFlow`, `UnknownState`, `Overloaded`, `Conflict` when there is one of that id
        or in that room, and `KeyError` for a place that there is not.
        """
        self._admit(order)
        conversation = self._host.make(order)
        await self._accounts.add(conversation.account)
        self._live[conversation.id] = conversation
        if order.room:
            await self._place(order, conversation)
            return conversation.account, Taken("", "")
        self._begin(conversation)
        return conversation.account, await conversation.begun()

    async def send(self, id_: str, *words: dialogs.Event) -> Taken:
        """
        Let events happen, and say what they led to as far as that is done.

        Raises `UnknownConversation`, `Ended` when it is over, `Busy` when it cannot take them now.
        """
        if conversation := self._live.get(id_):
            return await conversation.send(*words)
        if (await self.get(id_)).outcome:
            raise Ended("the conversation is over")
        raise Busy("the conversation waits for its call")

    async def get(self, id_: str) -> Account:
        """How one is, also some time after its end; raises `UnknownConversation`."""
        if conversation := self._live.get(id_):
            return conversation.account
        return await self._accounts.get(id_)

    async def page(self, *, after: str = "", limit: int = 50) -> Sequence[Account]:
        """Return those that there are and were, by id, from the one after `after` on."""
        kept = await self._accounts.page(after=after, limit=limit)
        return [self._live[one.id].account if one.id in self._live else one for one in kept]

    async def end(self, id_: str) -> None:
        """End one; raises `UnknownConversation`, and `Ended` when it is over already."""
        conversation = self._live.get(id_)
        if conversation and conversation.close("closed"):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ENDING):
                    await conversation.over.wait()
        elif (account := await self.get(id_)).outcome:
            raise Ended("the conversation is over")
        else:
            await self._finish(replace(account, outcome="closed"))

    # For whoever attends calls.

    async def converse(self, dialog: str, stay: Stay) -> None:
        """Hold a conversation from when somebody is there; when cancelled, it can go on."""
        conversation = await self._found(dialog)
        if conversation is None:
            for place in self.places.values():
                await self._leave(place, stay.call.room, dialog)
            return
        self._heard[stay.session.id] = conversation
        try:
            conversation.somebody.clear()
            if not stay.session.people:
                await conversation.somebody.wait()
            await self._host.talk(conversation, stay)
            await self._finish(conversation.account, told=True)
        finally:
            del self._heard[stay.session.id]

    def over(self, dialog: str) -> None:
        """Its call is over, and will not be entered again."""
        if self._tasks:
            self._tasks.create_task(self._call_over(dialog), name=f"end {dialog}")

    # What happens inside.

    def _admit(self, order: Order) -> None:
        if len(self._live) >= self._most:
            raise Overloaded(f"{self._most} conversations are held", remedy="try again later")
        where = (order.place, order.room)
        for one in self._live.values() if order.room else ():
            if (one.account.place, one.account.room) == where:
                raise Conflict(f"{one.id} is held in that room already", remedy="end it first")

    async def _place(self, order: Order, conversation: Conversation) -> None:
        try:
            await self.places[order.place].talk(order.room, conversation.id)
        except (TranscriberError, KeyError):
            del self._live[conversation.id]
            await self._accounts.drop(conversation.id)
            raise

    def _begin(self, conversation: Conversation) -> None:
        assert self._tasks

        async def write() -> None:
            await self._host.write(conversation)
            await self._finish(conversation.account, told=True)

        self._tasks.create_task(write(), name=f"dialog {conversation.id}")

    async def _finish(self, account: Account, *, told: bool = False) -> None:
        """Write down how it ended, and leave its call; tell it, unless that was done."""
        if not told:
            self._bus.publish(_ended(account))
        for pause in aio.backoff(tries=TRIES):
            try:
                await self._accounts.keep(account)
                break
            except StoreFailed as problem:
                log.warning("end not written down", dialog=account.id, problem=str(problem))
                await asyncio.sleep(pause)
        if conversation := self._live.pop(account.id, None):
            conversation.outcome = account.outcome
            conversation.over.set()
        if account.room and account.place in self.places:
            await self._leave(self.places[account.place], account.room, account.id)

    async def _leave(self, place: Place, room: str, dialog: str) -> None:
        for pause in aio.backoff(tries=TRIES):
            try:
                return await place.hush(room, dialog)
            except TranscriberError as problem:
                log.warning("call not left", dialog=dialog, room=room, problem=str(problem))
                await asyncio.sleep(pause)

    async def _call_over(self, dialog: str) -> None:
        try:
            account = await self.get(dialog)
        except TranscriberError as problem:
            log.warning("conversation of a call not found", dialog=dialog, problem=str(problem))
            return
        if not account.outcome:
            await self._finish(replace(account, outcome="closed"))

    async def _found(self, dialog: str) -> Conversation | None:
        """Find one that can be held, live or kept; one that cannot be gone on with is over."""
        if conversation := self._live.get(dialog):
            return conversation
        try:
            account = await self._kept(dialog)
        except UnknownConversation:
            return None
        if account.outcome:
            return None
        try:
            conversation = self._live[dialog] = self._host.restore(account)
        except (DialogError, TypeError, KeyError) as problem:
            log.warning("conversation cannot go on", dialog=dialog, problem=str(problem))
            await self._finish(replace(account, outcome="failed"))
            return None
        return conversation

    async def _kept(self, dialog: str) -> Account:
        """Read what was kept; while the store is away, wait for it."""
        while True:
            try:
                return await self._accounts.get(dialog)
            except StoreFailed as problem:
                log.warning("kept conversation not read", dialog=dialog, problem=str(problem))
                await asyncio.sleep(ENDING)

    async def _resume(self) -> None:
        """Go on with the conversations in writing; those in calls wait for their call."""
        while True:
            try:
                written = [one for one in await self._accounts.all() if not one.room]
                break
            except StoreFailed as problem:
                log.warning("kept conversations not read", problem=str(problem))
                await asyncio.sleep(ENDING)
        for account in written:
            if account.id not in self._live and (found := await self._found(account.id)):
                self._begin(found)

    def _end_idle(self) -> None:
        for conversation in tuple(self._live.values()):
            if not conversation.account.room and conversation.idle > IDLE:
                conversation.close("idle")

    def _hear(self, event: events.Event) -> None:
        if conversation := self._heard.get(event.session_id):
            conversation.happened(event)


def _ended(account: Account) -> events.DialogEnded:
    over = events.DialogOver(
        room=account.room,
        dialog_name=account.dialog,
        state=account.snapshot["state"],
        reason=account.outcome,
    )
    metadata = {"dialog_id": account.id}
    return events.DialogEnded(session_id=account.id, data=over, metadata=metadata)
