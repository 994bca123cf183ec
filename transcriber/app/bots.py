"""Conversations in built-in rooms: where the room wants one, and where one has begun."""

from __future__ import annotations

import structlog

from dialogs.errors import DialogError
from dialogs.problem import did_you_mean
from transcriber.app.readers import Readers
from transcriber.app.studio import Talks
from transcriber.errors import BadInput, TranscriberError
from transcriber.rtc.sfu.room import Room
from transcriber.rtc.sfu.rooms import Rooms
from transcriber.session.host import Order

__all__ = ["PLACE", "Bots"]

PLACE = "room"
"""What kind of place a built-in room is."""

log = structlog.get_logger(__name__)


class Bots:
    """Brings conversations into rooms of this process; `session.conversations.Calls` of theirs."""

    def __init__(
        self, rooms: Rooms, readers: Readers, talks: Talks | None, *, usual: str = ""
    ) -> None:
        """`usual` is the dialog of a room that names none."""
        self._rooms, self._readers, self._usual = rooms, readers, usual
        self._conversations = talks.conversations if talks else None
        if self._conversations:
            self._conversations.calls[PLACE] = self

    def chosen(self, name: str | None) -> str:
        """Choose the dialog of a new room; raises `BadInput` when there is none of that name."""
        flows = self._conversations.library.flows if self._conversations else {}
        if name is None:
            return self._usual if self._usual in flows else ""
        if name and name not in flows:
            raise BadInput(f"there is no dialog {name!r}", remedy=did_you_mean(name, flows))
        return name

    async def talk(self, room: str, dialog: str) -> None:
        """A conversation shall be held; raises `NotFound`, and `BadInput` where we cannot hear."""
        place = self._rooms.find(room)
        if place.plan.e2ee:
            raise BadInput("an encrypted room cannot be heard", remedy="make one that is not")
        self._readers.talk(place, dialog)

    async def greet(self, room: Room) -> None:
        """A room is open: go on with what was held there, or begin what its plan wants."""
        if not self._conversations:
            return
        try:
            if before := await self._conversations.held(f"{PLACE}/{room.id}"):
                self._readers.talk(room, before)
            elif room.plan.dialog:
                await self._conversations.start(Order(room.plan.dialog, place=PLACE, room=room.id))
        except (TranscriberError, DialogError) as problem:
            log.warning("no conversation in this room", room=room.id, problem=str(problem))
