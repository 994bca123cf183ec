"""
One conversation: a dialog that is being held, and how to reach it.

What happens in its call comes in as events of the bus and becomes words of the flow language; what
the dialog tells goes out as public events; each of its steps is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from dialogs import Event, Machine, Runner
from dialogs.errors import Busy, Ended, PortFailed
from dialogs.ports import Ports
from transcriber import events
from transcriber.errors import TranscriberError
from transcriber.session.accounts import Account
from transcriber.session.announcing import announcement

__all__ = ["Conversation", "Taken"]

SETTLING = 2.0
"""Seconds in which what an event leads to is waited for by whoever sent it."""

log = structlog.get_logger(__name__)

Publish = Callable[[events.Event], object]
Keep = Callable[[Account], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What an event led to, as far as it was done when the answer was due."""

    previous_state: str
    state: str
    ended: bool = False
    actions: tuple[Mapping[str, object], ...] = ()


class Conversation:
    """
    A dialog; `hold` leads it until it is over, and `send` and `happened` let it go on.

    It is its own `dialogs.ports.Sessions`.
    """

    def __init__(self, machine: Machine, account: Account, *, publish: Publish, keep: Keep) -> None:
        self.id = machine.id
        self.machine = machine
        self.outcome = account.outcome
        self.somebody = asyncio.Event()
        """Somebody is in its call."""
        self.over = asyncio.Event()
        self._account = replace(account, created_at=account.created_at or _now())
        self._publish, self._keep = publish, keep
        self._session_id = machine.id
        self._runner: Runner | None = None
        self._held = asyncio.Event()
        self._asking = asyncio.Lock()
        self._done: list[Mapping[str, object]] = []
        self._clock = asyncio.get_running_loop().time
        self._touched = self._clock()

    @property
    def account(self) -> Account:
        """How it is now."""
        outcome = self.outcome or (self._runner.outcome if self._runner else "")
        snapshot = self.machine.snapshot()
        return replace(self._account, outcome=outcome, updated_at=_now(), snapshot=snapshot)

    @property
    def idle(self) -> float:
        """Seconds since anything came from outside."""
        return self._clock() - self._touched

    async def hold(self, ports: Ports, *, session_id: str = "") -> None:
        """Lead it until it is over; when cancelled, it can be gone on with."""
        self._session_id = session_id or self.id
        self._runner = Runner(self.machine, ports, start=self._account.start)
        self._held.set()
        try:
            self.outcome = await self._runner.run()
        finally:
            self._runner = None

    def end(self, outcome: str) -> None:
        """It is over, though nobody held it; whoever waits for anything learns it."""
        self.outcome = outcome
        self.somebody.set()
        self.over.set()

    def fail(self, problem: str) -> None:
        """It could not be held: that is a mistake of ours, and ends it."""
        self.outcome = "failed"
        self.observe("error", {"code": "dialog_failed", "message": problem})
        name, state = self.machine.flow.name, self.machine.state
        self.observe("dialog.ended", {"dialog_name": name, "state": state, "reason": "failed"})

    def close(self, reason: str) -> bool:
        """End it, if it is being held; says whether it is."""
        if self._runner:
            self._runner.end(reason)
        return self._runner is not None

    # What comes in.

    def happened(self, event: events.Event) -> None:
        """Take what happened in its call."""
        self._touched = self._clock()
        if isinstance(event, events.PersonJoined):
            self.somebody.set()
        if not (runner := self._runner):
            return
        match event:
            case events.SpeechStarted():
                runner.voice_detected()
            case events.TurnEnded(data=turn):
                runner.turn_ended(turn.person_id)
            case _ if word := _word(event):
                try:
                    runner.post(word)
                except Ended:
                    return
                except Busy:
                    log.warning("event not taken", dialog=self.id, type=word.type)

    async def send(self, *words: Event) -> Taken:
        """
        Let events happen that somebody sends, and say what they led to.

        Raises `Ended` when it is over, and `Busy` when it has not begun or too much waits.
        """
        self._touched = self._clock()
        async with self._asking:
            if self.outcome:
                raise Ended("the conversation is over")
            if not (runner := self._runner):
                raise Busy("the conversation has not begun: nobody is in its call")
            before = self.machine.state
            for word in words:
                runner.post(word)
                self.observe("dialog.happened", {"event": word.type, "params": word.data})
            return await self._settled(before)

    async def begun(self) -> Taken:
        """Wait until it is held, and say what it began with."""
        async with self._asking:
            await self._held.wait()
            return await self._settled("")

    async def _settled(self, before: str) -> Taken:
        if runner := self._runner:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLING):
                    await runner.settled(spoken=not self._account.room)
        done, self._done = tuple(self._done), []
        return Taken(before, self.machine.state, bool(self.account.outcome), done)

    # What goes out.

    def observe(self, name: str, data: Mapping[str, object]) -> None:
        """Tell everybody what the dialog tells."""
        if name == "action.executed" and self._asking.locked():
            self._done.append(dict(data))
        self._publish(
            announcement(
                name,
                data,
                session_id=self._session_id,
                dialog_id=self.id,
                room=self._account.room,
            )
        )

    async def save(self, session_id: str, snapshot: Mapping[str, object]) -> None:
        """Keep how it is now."""
        try:
            await self._keep(self.account)
        except TranscriberError as error:
            raise PortFailed(str(error)) from error

    async def forget(self, session_id: str) -> None:
        """Nothing is forgotten yet: how it ended can be asked for a while."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _word(event: events.Event) -> Event | None:
    """Say it in the flow language, if it is anything to a flow."""
    match event:
        case events.SpeechFinal(data=said) if said.transcript.strip():
            return Event("speech", _speech(said))
        case events.SpeechPartial(data=said):
            return Event("speech_partial", _speech(said))
        case events.DtmfReceived(data=pressed):
            return Event("dtmf", {"digit": pressed.key, "person_id": pressed.person_id})
        case events.PersonJoined(data=person):
            return Event("joined", _person(person.person_id, person.person_name))
        case events.PersonLeft(data=person):
            return Event("left", _person(person.person_id, person.person_name))
    return None


def _speech(said: events.Speech) -> dict[str, object]:
    who = _person(said.person_id, said.person_name)
    return {"text": said.transcript, "language": said.language, **who}


def _person(person_id: str, name: str) -> dict[str, object]:
    return {"person": name or person_id, "person_id": person_id}
