"""Who reads which built-in room: a session is there while somebody does."""

from __future__ import annotations

from transcriber.rtc.sfu.room import Member, Room, Witness
from transcriber.session.attendant import Rooms
from transcriber.session.wishes import Wish

__all__ = ["Readers"]


class Readers:
    """Turns what participants ask for into wishes, and has those attended."""

    def __init__(self, attending: Rooms) -> None:
        self._attending = attending
        self._wishes: dict[str, Wish] = {}

    def read(self, room: Room, reader: str, target: str) -> None:
        """Somebody wants to read."""
        plan = room.plan
        new = Wish(room.id, plan.language, engine=plan.engine, model=plan.model)
        wish = self._wishes.get(room.id) or new
        self._set(wish.read_by(reader).translated(reader, target))

    def stop_reading(self, room: Room, reader: str) -> None:
        """Somebody wants to read no more; what they read before they left is over."""
        wish = self._wishes.get(room.id)
        if wish is not None and reader in wish.readers:
            self._set(wish.not_read_by(reader))

    def talk(self, room: Room, dialog: str) -> None:
        """A conversation shall be held."""
        wish = self._wishes.get(room.id) or Wish(room.id, room.plan.language)
        self._set(wish.held(dialog))

    def close(self, room: Room) -> None:
        """The room is no more."""
        if self._wishes.pop(room.id, None):
            self._attending.stop(room.id)

    def ended(self, room_id: str) -> None:
        """Nobody has read for a while, or nothing can be heard there at all."""
        self._wishes.pop(room_id, None)

    def of(self, room: Room) -> Witness:
        """Return who watches a room for us."""
        return _Watch(self, room)

    def _set(self, wish: Wish) -> None:
        self._wishes[wish.room] = wish
        self._attending.start(wish.room, wish)


class _Watch(Witness):
    def __init__(self, readers: Readers, room: Room) -> None:
        self._readers, self._room = readers, room

    def gone(self, member: Member) -> None:
        self._readers.stop_reading(self._room, member.id)

    def closed(self) -> None:
        self._readers.close(self._room)
