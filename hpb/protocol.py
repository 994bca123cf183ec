"""
The signaling conversation, without a socket.

`Signaling` decides what to say to the server and what its answers mean. It never reads a clock,
opens a connection or awaits: `client.Client` feeds it text and time and carries away what it wants
to send. So every rule has a test that takes microseconds:

* After a cut it resumes: same session, same room, nothing is said twice (a second `room` would be
  an error). When the server no longer knows the session, it greets anew on the same socket, says
  its in-call flags before it joins (else every browser asks us for audio, for ever), and `Joined`
  tells that everything else has to be set up again.
* An error that answers a request concerns that request alone. Only what stands between us and
  the room ends the conversation, and `failure` is the one place that judges how badly.

One round, from the client's side::

    signaling.connected(now)              # the socket opened
    frames = signaling.outgoing(now)      # to be written in this order
    events = signaling.received(text, now)
    if signaling.tick(now): ...           # send a ping; raises Lost when the server is gone
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hpb import requests
from hpb.auth import Credentials
from hpb.errors import HpbError, LockedOut, Lost, Refused, Unanswered
from hpb.events import Event, Failed, Joined, Properties, Removed, Unknown
from hpb.messages import Envelope, interpret, read
from hpb.outbox import Outbox
from hpb.pulse import Pulse
from hpb.requests import Request
from hpb.tolerant import record, text

__all__ = ["ANSWER", "About", "Signaling", "State", "failure"]

ANSWER = 15.0
"""Seconds for the answer to a greeting or to joining; the server gives Nextcloud 10 s."""

REPLACED = "room_session_reconnected"
"""Why the server says bye when somebody else joined with the same Nextcloud session."""


class State(enum.Enum):
    """How far the conversation has come."""

    OFFLINE = enum.auto()
    RESUMING = enum.auto()
    GREETING = enum.auto()
    JOINING = enum.auto()
    JOINED = enum.auto()
    LEAVING = enum.auto()
    OVER = enum.auto()


ENTERING = frozenset({State.RESUMING, State.GREETING, State.JOINING})
"""The steps on the way into the room, each of which waits for one answer."""


def failure(code: str, message: str = "") -> HpbError:
    """Judge an error that keeps us out of the room."""
    if code == "too_many_requests":
        return LockedOut(message or code)
    if code in ("internal_error", "room_join_failed", "session_limit_exceeded"):
        return Lost(f"{code}: {message}" if message else code)
    return Refused(code, message)


@dataclass(frozen=True, slots=True)
class About:
    """What the server says about itself."""

    version: str = ""
    features: frozenset[str] = frozenset()

    def told(self, body: dict[str, Any]) -> About:
        """Return what we know after it said this."""
        version, features = text(body.get("version")), body.get("features")
        known = frozenset(map(text, features)) if isinstance(features, list) else self.features
        return About(version or self.version, known)


class Signaling:
    """
    One client's conversation with one signaling server about one room.

    Users name the session that Nextcloud gave them; for a bot it stays empty, because the server
    would report its end to Nextcloud.
    """

    def __init__(
        self,
        room: str,
        credentials: Credentials,
        *,
        in_call: int = 1,
        nextcloud_session_id: str = "",
    ) -> None:
        self.room = room
        self.state = State.OFFLINE
        self.session_id = ""
        self.about = About()
        self.outbox = Outbox()
        self.pulse = Pulse()
        self._credentials = credentials
        self._flags = in_call
        self._nextcloud_session_id = nextcloud_session_id
        self._resume_id = ""
        self._in_room = False
        self._handshake = ""
        self._said_at = 0.0
        self._urgent: list[bytes] = []
        self._held: list[Event] = []
        self._answers: dict[str, Callable[[Envelope, float], list[Event]]] = {
            "welcome": self._on_welcome,
            "hello": self._on_hello,
            "room": self._on_room,
            "error": self._on_error,
            "bye": self._on_bye,
        }

    @property
    def deadline(self) -> float:
        """When `tick` or `outgoing` has something to do."""
        moments = [self.pulse.deadline]
        if self.state in ENTERING:
            moments.append(self._said_at + ANSWER)
        if self.state is State.JOINED:
            moments.append(self.outbox.due())
        return min(moments)

    def connected(self, now: float) -> None:
        """The socket opened: greet, or resume the session we had."""
        self.pulse.heard(now)
        if self._resume_id:
            again = {"version": self._credentials.version, "resumeid": self._resume_id}
            self._ask(State.RESUMING, Request("hello", again), now)
        else:
            self._greet(now)

    def disconnected(self, why: str) -> Lost:
        """The socket closed: say what that means; what waits to be sent goes on waiting."""
        greeted_in_vain = self.state is State.GREETING
        leaving = self.state in (State.LEAVING, State.OVER)
        self.state = State.OVER if leaving else State.OFFLINE
        self._urgent.clear()
        return Unanswered(f"{why} while greeting") if greeted_in_vain else Lost(why)

    def received(self, frame: str | bytes, now: float) -> list[Event]:
        """Digest one message; raises what ends this connection, or the whole conversation."""
        self.pulse.heard(now)
        envelope = read(frame)
        found = self._answers.get(envelope.type, self._on_other)(envelope, now)
        if self.state in ENTERING:
            self._held += found
            return []
        held, self._held = self._held, []
        # Events can come before the answer that lets us in; they make sense only after it.
        return found[:1] + held + found[1:]

    def tick(self, now: float) -> bool:
        """Return whether to send a ping; raises `Lost` when an answer is overdue."""
        if self.state in ENTERING and now >= self._said_at + ANSWER:
            raise Lost(f"no answer while {self.state.name.lower()}")
        return self.pulse.check(now)

    def set_in_call(self, flags: int) -> None:
        """Change our in-call flags, now and for every later session."""
        self._flags = flags
        if self._in_room:
            self.outbox.add(requests.in_call(flags))

    def bye(self, now: float) -> None:
        """Leave the room and end the session, after everything that still waits."""
        if self.state is State.JOINED:
            self._urgent += [message.frame for message in self.outbox.clear()]
        if self.state in (State.JOINING, State.JOINED):
            self._ask(State.LEAVING, Request("bye", {}), now)
        else:
            self.state = State.OVER

    def outgoing(self, now: float) -> list[bytes]:
        """Hand over what is to be sent now, once."""
        frames, self._urgent = self._urgent, []
        return frames + self.outbox.take(now) if self.state is State.JOINED else frames

    def _greet(self, now: float) -> None:
        self._resume_id = ""
        self._ask(State.GREETING, Request("hello", self._credentials.greeting()), now)

    def _join(self, now: float) -> None:
        if self._credentials.internal:
            self._urgent.append(self.outbox.number(requests.in_call(self._flags)).frame)
        session = self._nextcloud_session_id
        place = {"roomid": self.room} | ({"sessionid": session} if session else {})
        self._ask(State.JOINING, Request("room", place), now)

    def _ask(self, state: State, request: Request, now: float) -> None:
        question = self.outbox.number(request)
        self.state, self._handshake, self._said_at = state, question.id, now
        self._urgent.append(question.frame)

    def _on_welcome(self, envelope: Envelope, now: float) -> list[Event]:
        self.about = self.about.told(envelope.body)
        return []

    def _on_hello(self, envelope: Envelope, now: float) -> list[Event]:
        session_id = text(envelope.body.get("sessionid"))
        if self.state not in (State.RESUMING, State.GREETING) or not session_id:
            return [Unknown(envelope.type, envelope.body)]
        self.about = self.about.told(record(envelope.body.get("server")))
        self._resume_id = text(envelope.body.get("resumeid")) or self._resume_id
        if session_id == self.session_id and self._in_room:
            self.state = State.JOINED
            return [Joined(session_id, resumed=True)]
        if session_id != self.session_id:
            # What was heard in the old session is void, and what waited in it has failed.
            lost = self.outbox.clear() if self.session_id else []
            self.session_id, self._in_room = session_id, False
            self._held = [event for event in self._held if isinstance(event, Failed)]
            self._held += [Failed("session_lost", request=it.request, id=it.id) for it in lost]
        self._join(now)
        return []

    def _on_room(self, envelope: Envelope, now: float) -> list[Event]:
        if self.state is State.JOINING and envelope.id == self._handshake:
            return self._enter(envelope.body)
        room = text(envelope.body.get("roomid"))
        if room:
            return [Properties(room, record(envelope.body.get("properties")))]
        return self._leave(Removed("sent away"))

    def _enter(self, room: dict[str, Any]) -> list[Event]:
        self.state, self._in_room = State.JOINED, True
        properties = record(room.get("properties"))
        return [Joined(self.session_id, resumed=False, properties=properties)]

    def _leave(self, removed: Removed) -> list[Event]:
        was_in_room, self._in_room = self._in_room, False
        return [removed] if was_in_room else []

    def _on_error(self, envelope: Envelope, now: float) -> list[Event]:
        code = text(envelope.body.get("code"))
        message = text(envelope.body.get("message"))
        if self.state not in ENTERING or envelope.id != self._handshake:
            return [Failed(code, message, self.outbox.recall(envelope.id), envelope.id)]
        if self.state is State.RESUMING:
            # What is wrong with the old session, even a lock-out, is not wrong with a new one.
            self._greet(now)
            return []
        if self.state is State.JOINING and code == "already_joined":
            return self._enter(record(record(envelope.body.get("details")).get("room")))
        raise failure(code, message)

    def _on_bye(self, envelope: Envelope, now: float) -> list[Event]:
        if self.state is State.LEAVING:
            self.state = State.OVER
            return []
        reason = text(envelope.body.get("reason"))
        self._resume_id = ""
        if reason == REPLACED:
            raise Refused(reason, "somebody else joined with the same Nextcloud session")
        raise Lost(f"the server said bye: {reason}")

    def _on_other(self, envelope: Envelope, now: float) -> list[Event]:
        event = interpret(envelope)
        if not isinstance(event, Removed):
            return [event]
        return self._leave(event) if event.room in ("", self.room) else []
