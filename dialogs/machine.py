"""
What a flow means: one event in, the actions to do out, and never a state that does not exist.

The machine does nothing itself and reads no clock but the one it is given; what it returns depends
only on the flow and on what it was told, in that order. The runner does the actions and tells it
what came of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dialogs.errors import Ended, TemplateError, UnknownState
from dialogs.flow import Action, Flow, Transition, Value
from dialogs.gofunctions import Rune, Strings
from dialogs.problem import did_you_mean
from dialogs.templates import Context, Template
from dialogs.vocabulary import CUSTOM

__all__ = ["Event", "Machine", "Step"]

HISTORY = 1000
"""Transitions that are remembered; the oldest go first."""
TRIGGER = 200
"""Characters of what somebody said that go into the history."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a conversation; `type` is a word of the flow language."""

    type: str
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def trigger(self) -> str:
        """What it was, in short: the words, the digits, or its type."""
        for key in ("text", "digit", "digits"):
            if said := self.data.get(key):
                return str(said)[:TRIGGER]
        return self.type


@dataclass(frozen=True, slots=True)
class Step:
    """What an event led to: from where, to where, and what to do now."""

    source: str
    target: str
    trigger: str
    actions: tuple[Action, ...]


class Machine:
    """One conversation's place in its flow. `step` after `start`, until `ended`."""

    def __init__(
        self,
        flow: Flow,
        session_id: str,
        *,
        variables: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.flow = flow
        self.id = session_id
        self.state = ""
        self.variables = Strings({**flow.variables, **(variables or {})})
        self.result: Mapping[str, object] = {}
        self.event: Event | None = None
        self.entry = 0
        """Counts the states entered, so that what began in one is not taken for another's."""
        self.history: deque[Mapping[str, str]] = deque(maxlen=HISTORY)
        self.memory: dict[str, object] = {}
        """What an agent that is leading wants to be kept, as JSON."""
        self.listening: dict[str, Value] = {}
        """How to listen, as the `listen` actions so far have said."""
        self.problems: list[str] = []
        """Conditions that failed in the last step; they counted as false."""
        self._input: str | Rune | None = None
        self._now = now
        self._started = now().isoformat()

    @property
    def ended(self) -> bool:
        """Whether it has come to a terminal state."""
        return bool(self.state) and self.flow.states[self.state].terminal

    def start(self, state: str = "") -> Step:
        """Enter the first state, or another one; raises `UnknownState`."""
        return self._enter(state or self.flow.initial_state, "start", ())

    def again(self) -> Step:
        """Enter the state anew after a restart: what it does on entering is done again."""
        state = self.flow.states[self.state]
        before = (Action("listen", self.listening),) if self.listening else ()
        return Step(state.name, state.name, "resume", (*before, *state.on_enter))

    def step(self, event: Event) -> Step | None:
        """Take the first transition that fits, if one does; raises `Ended`."""
        if self.ended:
            raise Ended(f"the dialog ended in state {self.state!r}")
        self._hear(event)
        self.problems = []
        for transition in self.flow.states[self.state].transitions:
            if _waits_for(transition, event) and self._holds(transition.condition):
                return self._enter(transition.target, event.trigger, transition.actions)
        after = self.flow.states[self.state].timeout_next
        if event.type == "timeout" and after:
            return self._enter(after, "timeout", ())
        return None

    def jump(self, state: str, trigger: str) -> Step:
        """Go to a state because an action or a hook says so; raises `UnknownState`, `Ended`."""
        if self.ended:
            raise Ended(f"the dialog ended in state {self.state!r}")
        return self._enter(state, trigger, ())

    def context(self) -> Context:
        """Gather what templates can see."""
        event = {"type": self.event.type, **self.event.data} if self.event else {}
        session = {
            "id": self.id,
            "dialog": self.flow.name,
            "state": self.state,
            "started": self._started,
        }
        return Context(
            jinja={
                "event": event,
                "result": self.result,
                "session": session,
                "variables": self.variables,
            },
            go={
                "Event": self._input,
                "Result": self.result,
                "Session": self._go_session(),
                "Variables": self.variables,
            },
        )

    def render(self, action: Action) -> dict[str, object]:
        """Fill the holes of an action's parameters; raises `TemplateError`."""
        context = self.context()

        def filled(value: object) -> object:
            if isinstance(value, tuple):
                return tuple(filled(one) for one in value)
            return value.render(context) if isinstance(value, Template) else value

        return {name: filled(value) for name, value in action.params.items()}

    def snapshot(self) -> dict[str, object]:
        """Say all that must be kept to go on later, as JSON."""
        return {
            "version": 1,
            "dialog": self.flow.name,
            "digest": self.flow.digest,
            "state": self.state,
            "variables": dict(self.variables),
            "result": self.result,
            "memory": self.memory,
            "listening": self.listening,
            "history": [dict(entry) for entry in self.history],
            "entry": self.entry,
            "started": self._started,
        }

    @classmethod
    def restore(cls, flow: Flow, session_id: str, snapshot: Mapping[str, object]) -> Machine:
        """
        Go on from a snapshot, also with a newer version of the flow.

        Raises `UnknownState` when that version has no such state any more.
        """
        machine = cls(flow, session_id)
        _known(flow, str(snapshot["state"]))
        machine.state = str(snapshot["state"])
        for name, kind in (
            ("variables", dict),
            ("result", dict),
            ("memory", dict),
            ("history", list),
        ):
            if not isinstance(snapshot[name], kind):
                raise TypeError(f"{name} of a snapshot must be a {kind.__name__}")
        machine.variables.update(snapshot["variables"])  # type: ignore[call-overload]
        machine.result = snapshot["result"]  # type: ignore[assignment]
        machine.memory = dict(snapshot["memory"])  # type: ignore[call-overload]
        machine.listening = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in snapshot.get("listening", {}).items()  # type: ignore[attr-defined]
        }
        machine.history.extend(snapshot["history"])  # type: ignore[arg-type]
        machine.entry = int(str(snapshot["entry"]))
        machine._started = str(snapshot["started"])
        return machine

    def _enter(self, name: str, trigger: str, before: tuple[Action, ...]) -> Step:
        _known(self.flow, name)
        source, self.state = self.state, name
        self.entry += 1
        if source:
            self.history.append(
                {
                    "from_state": source,
                    "to_state": name,
                    "trigger": trigger,
                    "timestamp": self._now().isoformat(),
                }
            )
        return Step(source, name, trigger, (*before, *self.flow.states[name].on_enter))

    def _hear(self, event: Event) -> None:
        self.event = event
        match event:
            case Event("speech", {"text": str(text)}):
                self._input = text
            case Event("dtmf", {"digit": str(digit)}) if len(digit) == 1:
                self._input = Rune(ord(digit))

    def _holds(self, condition: Template | None) -> bool:
        try:
            return condition is None or condition.holds(self.context())
        except TemplateError as error:
            self.problems.append(str(error))
            return False

    def _go_session(self) -> Mapping[str, object]:
        return {
            "ID": self.id,
            "DialogName": self.flow.name,
            "CurrentState": self.state,
            "Variables": self.variables,
            "History": list(self.history),
            "StartTime": self._started,
            "LastEvent": self._input,
            "LastResult": self.result,
        }


def _waits_for(transition: Transition, event: Event) -> bool:
    return transition.event in (event.type, CUSTOM if event.type.startswith(f"{CUSTOM}.") else "")


def _known(flow: Flow, state: str) -> None:
    if state not in flow.states:
        hint = did_you_mean(state, flow.states)
        raise UnknownState(f"there is no state {state!r}; {hint}")
