"""
One conversation: events in, actions out, and it never stops listening.

Events wait in one bounded line and are taken one at a time (`inbox.py`); doing what they lead to is
a task of its own (`performer.py`), and so is speaking (`mouth.py`). A voice or a key therefore
stops what is being said at once, without going through the line.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from dialogs.agent import Agent
from dialogs.clocks import Clocks
from dialogs.errors import Busy, Ended
from dialogs.flow import Action
from dialogs.inbox import Inbox
from dialogs.keeper import Keeper
from dialogs.machine import Event, Machine, Step
from dialogs.mouth import Mouth
from dialogs.performer import Performer
from dialogs.ports import Listening, Ports
from dialogs.turns import Turns

__all__ = ["Limits", "Runner"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a conversation may have."""

    events: int = 64
    """Events that may wait."""
    transitions: int = 50
    """Transitions in one second; more is a flow that goes round in circles."""
    saving: float = 5.0
    """Seconds that keeping a snapshot may take."""


class Runner:
    """Runs a dialog from its start, or goes on with one that was restored."""

    def __init__(
        self, machine: Machine, ports: Ports, *, limits: Limits | None = None, start: str = ""
    ) -> None:
        self.machine = machine
        self.inbox = Inbox(machine)
        self.listening = Listening(language=machine.flow.language)
        self.barge_in = True
        self._ports = ports
        self._limits = limits or Limits()
        self._start = start
        self._clock = asyncio.get_running_loop()
        self._mouth = Mouth(self.inbox.add, ports.observe)
        self._agent: Agent | None = None
        self._turns = Turns(self.inbox.add)
        self.clocks = Clocks(self._by_clock, speaking=lambda: self._mouth.speaking)
        self.keeper = Keeper(machine, ports.sessions, patience=self._limits.saving)
        self._performing: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[Any]] = set()
        self._recent: deque[float] = deque(maxlen=self._limits.transitions)
        self._outcome = ""

    @property
    def outcome(self) -> str:
        """How it ended; empty while it has not."""
        return self._outcome

    # For the host.

    async def run(self) -> str:
        """
        Lead the conversation; returns how it ended: `finished`, `hangup`, `transferred`, `closed`,
        `loop`. When cancelled, the newest snapshot is kept, to be restored.
        """
        step = self.machine.again() if self.machine.state else self.machine.start(self._start)
        name = self.machine.flow.name
        self._observe("dialog.started", dialog_name=name, state=self.machine.state)
        try:
            await self._lead(step)
        except asyncio.CancelledError:
            await self.keeper.flush()
            raise
        await self.keeper.forget()
        over = {"dialog_name": name, "state": self.machine.state, "reason": self._outcome}
        self._observe("dialog.ended", **over)
        return self._outcome

    async def _lead(self, step: Step) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            own = [tasks.create_task(self._mouth.run()), tasks.create_task(self.keeper.run())]
            try:
                self.move(step)
                while event := await self.inbox.take():
                    self._take(event)
            finally:
                for task in (*own, *self._background, self._performing):
                    if task:
                        task.cancel()
                self.clocks.stop()
                self._turns.stop()

    def post(self, event: Event) -> None:
        """Let something happen; raises `Ended` when it is over, `Busy` when too much waits."""
        if self._outcome or self.machine.ended:
            raise Ended("the dialog is over")
        if len(self.inbox) >= self._limits.events:
            raise Busy("too many events are waiting")
        if event.type in ("speech", "speech_partial", "dtmf", "silence"):
            self.clocks.stir()
            self._turns.stir()
        if event.type in ("speech", "dtmf"):
            self._mouth.interrupt()
        if event.type == "speech":
            self._turns.hear(event)
        elif event.type != "speech_partial" or self.listening.partials:
            self.inbox.add(event)

    def turn_ended(self, person_id: str) -> None:
        """Somebody has finished, as the recogniser understands them."""
        self._turns.end(person_id)

    def voice_detected(self) -> None:
        """Somebody has begun to speak: what may be interrupted is silent when this returns."""
        self.clocks.stir()
        self._turns.stir()
        self._mouth.interrupt()
        if self._agent:
            self._agent.stir()

    async def settled(self, *, spoken: bool = False) -> None:
        """Wait until what happened was taken, done, kept, if `spoken` said too; or it is over."""
        while not self._outcome:
            await self.inbox.caught_up()
            if self._performing and not self._performing.done():
                await asyncio.wait([self._performing])
            elif spoken and self._mouth.speaking:
                await self._mouth.quiet()
            else:
                await self.keeper.kept()
                return

    def close(self) -> None:
        """End the conversation: the call is over, or somebody wants it to be."""
        self.end("closed")

    # For the performer.

    def listen(self, wish: Listening) -> None:
        """Listen this way from now on; raises `PortFailed` when that is not possible."""
        self._ports.line.listen(wish)
        self.listening = wish
        self._turns.by_meaning = wish.end_of_turn == "meaning"

    def move(self, step: Step) -> None:
        """Go where the machine has gone: drop what was being done, begin with what is to do now."""
        now = self._clock.time()
        if len(self._recent) == self._limits.transitions and now - self._recent[0] < 1.0:
            self._observe("error", code="dialog_loop", message="too many transitions in a second")
            self.end("loop")
            return
        self._recent.append(now)
        self.clocks.enter(self.machine.flow.states[self.machine.state])
        self._observe(
            "state.transition",
            from_state=step.source,
            to_state=step.target,
            trigger_event=step.trigger,
            dialog_name=self.machine.flow.name,
        )
        self.keeper.changed()
        self._perform(step.actions)

    def background(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Begin what may go on when the dialog moves, but not when it ends."""
        task = self._tasks.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def lead(self, agent: Agent | None) -> None:
        """Let an agent hear what no transition takes."""
        self._agent = agent

    def end(self, reason: str) -> None:
        """Make `run` return."""
        self._outcome = self._outcome or reason
        self.inbox.close()

    # What happens inside.

    def _perform(self, actions: tuple[Action, ...]) -> None:
        performer = Performer(self.machine, self._mouth, self._ports, self)
        before = self._performing
        self._performing = self._tasks.create_task(performer.perform(actions), name="performer")
        if before and before is not asyncio.current_task():
            before.cancel()

    def _by_clock(self, event: Event) -> None:
        self._observe("dialog.happened", event=event.type, params=event.data)
        self.inbox.add(event, self.machine.entry)

    def _take(self, event: Event) -> None:
        if self.machine.ended:
            return
        if event.type == "dtmf" and self.clocks.press(str(event.data.get("digit", ""))):
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
            self.inbox.add(Event("tts_complete", {"text": ""}), self.machine.entry)

    def _give_up(self, transfer_to: str) -> None:
        transfer = Action("transfer", {"to": transfer_to})
        self._perform((transfer, Action("hangup")) if transfer_to else (Action("hangup"),))

    def _observe(self, name: str, **data: object) -> None:
        self._ports.observe(name, data)
