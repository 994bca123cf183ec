"""
Who is in the room, and whom of them we hear under which name.

The signaling server tells it in pieces and in any order: names and Nextcloud sessions when people
enter the room, in-call flags in lists that need not be complete. Nothing here waits or knows a
socket: an event goes in, and out comes whose voice is new and whose is gone.

A telephone has no stream of its own. Its voice comes from an internal session, the bridge, which
nobody sees in the call; what is heard there is said by the telephone. One bridge may carry several
telephones: then it is the one that last said it was talking.

When the server forgets us, all session ids are void, but captions may still be on their way that
name them. So the roster remembers which Nextcloud session a forgotten one was, and who had left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hpb.events import (
    AUDIO,
    IN_CALL,
    Changed,
    Entered,
    Event,
    Flags,
    InCall,
    InCallAll,
    Joined,
    Left,
    Member,
    Participant,
)
from transcriber.call import Person

__all__ = ["Change", "Roster"]

TALKING = 4
"""The flag of a telephone that is talking; its flags are not those of the in-call list."""
REMEMBERED = 1000
"""Sessions that may be forgotten by the server and still be named by a caption."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody in the room; a person known by the in-call list alone has no name yet."""

    name: str = ""
    account: str = ""
    nextcloud: str = ""
    flags: int = 0
    internal: bool = False
    virtual: bool = False

    @property
    def in_call(self) -> bool:
        return bool(self.flags & IN_CALL) and not self.internal

    @property
    def audible(self) -> bool:
        return self.flags & (IN_CALL | AUDIO) == IN_CALL | AUDIO and not self.virtual


@dataclass(frozen=True, slots=True)
class Change:
    """Whose voice can be heard from now on, and whose cannot any more."""

    joined: tuple[Person, ...] = ()
    left: tuple[str, ...] = ()


NOBODY = Seat()
NOTHING = Change()


class Roster:
    """The people of one room."""

    def __init__(self) -> None:
        self.speakers: Mapping[str, Person] = {}
        """Whom to subscribe to, by session id, and who speaks there."""
        self._own = ""
        self._seats: dict[str, Seat] = {}
        self._readers: dict[str, str] = {}
        self._before: dict[str, str] = {}
        self._gone: dict[str, None] = {}
        self._talking = ""

    @property
    def empty(self) -> bool:
        """Whether no person is in the call; bots do not count."""
        return not any(seat.in_call for seat in self._seats.values())

    def session(self, nextcloud: str) -> str:
        """The session of somebody whom Nextcloud knows by this id; empty when not in the room."""
        return self._readers.get(nextcloud, "")

    def gone(self, nextcloud: str) -> bool:
        """Whether somebody was here and has left: what is said from now on is not for them."""
        return nextcloud in self._gone

    def nextcloud(self, session_id: str) -> str:
        """What Nextcloud calls this session; empty for bots, telephones and strangers."""
        return self._seats.get(session_id, NOBODY).nextcloud or self._before.get(session_id, "")

    def current(self, session_id: str) -> str:
        """The session that somebody has now who once had this one, as far as is known."""
        if session_id in self._seats:
            return session_id
        return self.session(self.nextcloud(session_id)) or session_id

    def take(self, event: Event) -> Change:
        """Learn from an event; returns what it changes for those who listen."""
        match event:
            case Joined(session_id=own, resumed=False):
                self._forget(own)
            case Entered(members=members) | Changed(members=members):
                self._name(members)
            case Left(session_ids=gone):
                self._remove(gone)
            case InCall(participants=entries):
                self._flag(entries)
            case InCallAll(flags=flags):
                self._flag_all(flags)
            case Flags(session_id=who, flags=flags) if flags & TALKING:
                self._talking = who
            case _:
                return NOTHING
        return self._compare()

    def _forget(self, own: str) -> None:
        known = {who: seat.nextcloud for who, seat in self._seats.items() if seat.nextcloud}
        self._before = dict([*self._before.items(), *known.items()][-REMEMBERED:])
        self._own = own
        self._seats.clear()
        self._readers.clear()

    def _name(self, members: tuple[Member, ...]) -> None:
        for member in members:
            seat = self._seats.get(member.session_id, NOBODY)
            self._sit(
                member.session_id,
                replace(
                    seat,
                    name=member.name or seat.name,
                    account=seat.account or _account("users", member.user_id),
                    nextcloud=member.nextcloud_session_id or seat.nextcloud,
                ),
            )

    def _flag(self, entries: tuple[Participant, ...]) -> None:
        for entry in entries:
            seat = self._seats.get(entry.session_id, NOBODY)
            self._sit(
                entry.session_id,
                replace(
                    seat,
                    name=seat.name or entry.name,
                    account=_account(entry.actor_type, entry.actor_id) or seat.account,
                    nextcloud=entry.nextcloud_session_id or seat.nextcloud,
                    flags=entry.in_call,
                    internal=entry.internal,
                    virtual=entry.virtual,
                ),
            )

    def _flag_all(self, flags: int) -> None:
        for who, seat in self._seats.items():
            if not seat.internal:
                self._seats[who] = replace(seat, flags=flags)

    def _sit(self, who: str, seat: Seat) -> None:
        if not who or who == self._own:
            return
        self._seats[who] = seat
        if seat.nextcloud:
            self._readers[seat.nextcloud] = who
            self._gone.pop(seat.nextcloud, None)

    def _remove(self, gone: tuple[str, ...]) -> None:
        for who in gone:
            seat = self._seats.pop(who, NOBODY)
            if self._readers.get(seat.nextcloud) == who:
                del self._readers[seat.nextcloud]
                self._gone[seat.nextcloud] = None
        while len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]

    def _compare(self) -> Change:
        before, self.speakers = self.speakers, self._attributed()
        left = {person.id for person in before.values()}
        known, now = set(before.values()), set(self.speakers.values())
        return Change(
            joined=tuple(sorted(now - known, key=lambda person: person.id)),
            left=tuple(sorted(left - {person.id for person in now})),
        )

    def _attributed(self) -> dict[str, Person]:
        """Who speaks in each stream; the bridges' streams belong to their telephones."""
        audible = {who: seat for who, seat in self._seats.items() if seat.audible}
        bridges = [who for who, seat in audible.items() if seat.internal]
        phones = [who for who, seat in self._seats.items() if seat.virtual and seat.in_call]
        if len(bridges) == 1 and self._talking in phones:
            phones = [self._talking]
        said_by = dict(zip(bridges, phones, strict=False))
        return {who: self._person(said_by.get(who, who)) for who in audible}

    def _person(self, who: str) -> Person:
        seat = self._seats[who]
        return Person(who, seat.name, account=seat.account)


def _account(kind: str, name: str) -> str:
    """Who somebody is in Nextcloud, also tomorrow: `users/ann`, `guests/...`."""
    return f"{kind}/{name}" if kind and name else ""
