"""
One conversation: events in, actions out, and it never stops listening.

Events wait in one bounded line and are taken one at a time; doing what they lead to is a task of
its own (`performer.py`), and so is speaking (`mouth.py`). A voice or a key therefore stops what is
being said at once, without going through the line. What was begun for one state is not mistaken for
another's: whatever an action or a timer brings carries the number of the entry it belongs to.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from dialogs.agent import Agent
from dialogs.errors import Busy, Ended, PortFailed
from dialogs.flow import Action
from dialogs.machine import Event, Machine, Step
from dialogs.mouth import Mouth
from dialogs.performer import Collector, Performer
from dialogs.ports import Listening, Ports

__all__ = ["Limits", "Runner"]

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a conversation may have."""

    events: int = 64
    """Events that may wait."""
    transitions: int = 50
    """Transitions in one second; more is a flow that goes round in circles."""
    saving: float = 5.0
    """Seconds that keeping a snapshot may take."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    event: Event
    entry: int | None = None
    """The state it belongs to; none when it comes from outside."""


class Runner:
    """Runs a dialog from its start, or goes on with one that was restored."""

    def __init__(
        self, machine: Machine, ports: Ports, *, limits: Limits | None = None, start: str = ""
    ) -> None:
        self.machine = machine
        self.listening = Listening(language=machine.flow.language)
        self.barge_in = True
        self.silence = 0.0
        self._ports = ports
        self._limits = limits or Limits()
        self._start = start
        self._clock = asyncio.get_running_loop()
        self._line: deque[_Waiting] = deque()
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._mouth = Mouth(lambda event: self._put(_Waiting(event)), ports.observe)
        self._agent: Agent | None = None
        self._collector: Collector | None = None
        self._collecting: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._silent: asyncio.TimerHandle | None = None
        self._performing: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[Any]] = set()
        self._recent: deque[float] = deque(maxlen=self._limits.transitions)
        self._changed = asyncio.Event()
        self._outcome = ""
        self._log = log.bind(dialog=machine.flow.name, session=machine.id)

    @property
    def entry(self) -> int:
        """The number of the state the dialog is in."""
        return self.machine.entry

    # For the host.

    async def run(self) -> str:
        """
        Lead the conversation; returns how it ended: `finished`, `hangup`, `transferred`, `closed`,
        `loop`. When cancelled, the last snapshot stays where it is kept, to be restored.
        """
        step = self.machine.again() if self.machine.state else self.machine.start(self._start)
        self._observe("dialog.started", state=self.machine.state)
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            own = [tasks.create_task(self._mouth.run()), tasks.create_task(self._keep_kept())]
            try:
                self.move(step)
                await self._attend()
            finally:
                for task in (*own, *self._background, self._performing):
                    if task:
                        task.cancel()
                self._stop_timers()
        await self._forget()
        self._observe("dialog.ended", reason=self._outcome, state=self.machine.state)
        return self._outcome

    def post(self, event: Event) -> None:
        """Let something happen; raises `Ended` when it is over, `Busy` when too much waits."""
        if self._outcome or self.machine.ended:
            raise Ended("the dialog is over")
        if len(self._line) >= self._limits.events:
            raise Busy("too many events are waiting")
        if event.type in ("speech", "speech_partial", "dtmf", "silence"):
            self._stir()
        if event.type in ("speech", "dtmf"):
            self._interrupt()
        if event.type != "speech_partial" or self.listening.partials:
            self._put(_Waiting(event))

    def voice_detected(self) -> None:
        """Somebody has begun to speak: what may be interrupted is silent when this returns."""
        self._stir()
        self._interrupt()
        if self._agent:
            self._agent.stir()

    def close(self) -> None:
        """End the conversation: the call is over, or somebody wants it to be."""
        self.end("closed")

    # For the performer.

    def raise_event(self, event: Event, entry: int) -> None:
        """Let something happen that an action of that entry led to."""
        self._put(_Waiting(event, entry))

    async def caught_up(self) -> None:
        """Let events that wait already come before the next action: they may make it moot."""
        await self._idle.wait()

    def move(self, step: Step) -> None:
        """Go where the machine has gone: drop what was being done, begin with what is to do now."""
        now = self._clock.time()
        if len(self._recent) == self._limits.transitions and now - self._recent[0] < 1.0:
            self._observe("error", code="dialog_loop", message="too many transitions in a second")
            self.end("loop")
            return
        self._recent.append(now)
        self._stop_timers()
        self.collect(None)
        self._observe(
            "state.transition",
            from_state=step.source,
            to_state=step.target,
            trigger_event=step.trigger,
            dialog_name=self.machine.flow.name,
        )
        self.keep()
        self._arm(self.machine.entry)
        self._perform(step.actions)

    def collect(self, collector: Collector | None) -> None:
        """Gather keys from now on, or no longer."""
        self._collector = collector
        if self._collecting:
            self._collecting.cancel()
            self._collecting = None
        if collector:
            self._wait_for_key()

    def background(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Begin what may go on when the dialog moves, but not when it ends."""
        task = self._tasks.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def lead(self, agent: Agent | None) -> None:
        """Let an agent hear what no transition takes."""
        self._agent = agent

    def keep(self) -> None:
        """Have a snapshot kept soon."""
        self._changed.set()

    def end(self, reason: str) -> None:
        """Make `run` return."""
        self._outcome = self._outcome or reason
        self._filled.set()

    # What happens inside.

    def _perform(self, actions: tuple[Action, ...]) -> None:
        performer = Performer(self.machine, self._mouth, self._ports, self)
        before = self._performing
        self._performing = self._tasks.create_task(performer.perform(actions), name="performer")
        if before and before is not asyncio.current_task():
            before.cancel()

    def _put(self, waiting: _Waiting) -> None:
        self._line.append(waiting)
        self._idle.clear()
        self._filled.set()

    async def _attend(self) -> None:
        while not self._outcome:
            while self._line and not self._outcome:
                self._take(self._line.popleft())
            self._idle.set()
            if not self._outcome:
                self._filled.clear()
                await self._filled.wait()

    def _take(self, waiting: _Waiting) -> None:
        event = waiting.event
        if self.machine.ended or waiting.entry not in (None, self.entry):
            return
        if event.type == "dtmf" and self._collector:
            self._press(str(event.data.get("digit", "")))
            return
        step = self.machine.step(event)
        for problem in self.machine.problems:
            self._observe("error", code="condition_failed", message=problem)
        if step:
            self.move(step)
        else:
            self._unclaimed(event)

    def _unclaimed(self, event: Event) -> None:
        """Nothing in the flow waits for it: an agent may, and failed speech counts as spoken."""
        if self._agent and event.type in ("speech", "dtmf"):
            self._agent.hear(str(event.data.get("text") or event.data.get("digit", "")))
        if event.type == "agent_done" and event.data.get("outcome") == "failed":
            self._give_up(str(event.data.get("transfer_to", "")))
        spoke = str(event.data.get("action", "")).startswith("play_")
        if event.type == "action_error" and spoke and not self._mouth.speaking:
            self._put(_Waiting(Event("tts_complete", {"text": ""}), self.entry))

    def _give_up(self, transfer_to: str) -> None:
        transfer = Action("transfer", {"to": transfer_to})
        self._perform((transfer, Action("hangup")) if transfer_to else (Action("hangup"),))

    def _interrupt(self) -> None:
        if self._mouth.speaking:
            self._mouth.interrupt()

    def _arm(self, entry: int) -> None:
        state = self.machine.flow.states[self.machine.state]
        if state.timeout:
            over = _Waiting(Event("timeout"), entry)
            self._timer = self._clock.call_later(state.timeout, self._put, over)
        if any(one.event == "silence" for one in state.transitions):
            self.silence = self.silence or 5.0
        self._stir()

    def _stir(self) -> None:
        """Somebody made a sound, or we did: silence begins anew."""
        if self._silent:
            self._silent.cancel()
        if self.silence:
            self._silent = self._clock.call_later(self.silence, self._quiet_for_long)

    def _quiet_for_long(self) -> None:
        if not self._mouth.speaking:
            self._put(_Waiting(Event("silence"), self.entry))
        self._stir()

    def _stop_timers(self) -> None:
        for timer in (self._timer, self._silent, self._collecting):
            if timer:
                timer.cancel()

    def _press(self, digit: str) -> None:
        if self._collector and self._collector.press(digit):
            self._collected()
        else:
            self._wait_for_key()

    def _wait_for_key(self) -> None:
        if self._collecting:
            self._collecting.cancel()
        if self._collector:
            self._collecting = self._clock.call_later(self._collector.timeout, self._collected)

    def _collected(self) -> None:
        if collector := self._collector:
            self.collect(None)
            complete = len(collector.pressed) >= collector.at_least
            data = {"digits": collector.pressed, "complete": complete}
            self._put(_Waiting(Event("digits", data), self.entry))

    async def _keep_kept(self) -> None:
        """Save what changed, one snapshot at a time; while the store is away, try again."""
        pause = 1.0
        while sessions := self._ports.sessions:
            await self._changed.wait()
            self._changed.clear()
            try:
                async with asyncio.timeout(self._limits.saving):
                    await sessions.save(self.machine.id, self.machine.snapshot())
                pause = 1.0
            except (PortFailed, TimeoutError):
                self._log.warning("snapshot not kept", retry_in=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 30.0)
                self._changed.set()

    async def _forget(self) -> None:
        if sessions := self._ports.sessions:
            try:
                async with asyncio.timeout(self._limits.saving):
                    await sessions.forget(self.machine.id)
            except (PortFailed, TimeoutError):
                self._log.warning("snapshot not removed")

    def _observe(self, name: str, **data: object) -> None:
        self._ports.observe(name, data)
