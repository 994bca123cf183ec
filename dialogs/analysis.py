"""
What can be said about a flow without running it.

The schema finds what cannot work; this finds what works and is hardly meant: states nobody reaches,
places without a way out, rounds that nobody has to say a word for, transitions that never come up.
A hook's answer may lead anywhere, so it is mentioned wherever it could be the explanation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from dialogs.flow import Flow, State
from dialogs.problem import Problem
from dialogs.vocabulary import INPUT

__all__ = ["Way", "analyse", "ways"]

ENDS = frozenset({"hangup", "transfer"})
RAISED_BY = {
    "hook_result": "call_hook",
    "hook_error": "call_hook",
    "digits": "collect",
    "agent_done": "run_agent",
}
"""Events that only come after a certain action."""
PERSONS = INPUT | {"agent_done"}
"""Events that take somebody's doing, or time; an agent has talked with somebody."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way from one state to another; `condition` as it was written."""

    source: str
    target: str
    event: str
    condition: str = ""


def ways(flow: Flow) -> Iterator[Way]:
    """List every way there is, in the order of the file; a `goto` is an event of that name."""
    for state in flow.states.values():
        yield from _gotos(state)
        for one in state.transitions:
            yield Way(
                state.name, one.target, one.event, one.condition.source if one.condition else ""
            )
        if state.timeout_next and state.timeout:
            yield Way(state.name, state.timeout_next, "timeout")


def _gotos(state: State) -> Iterator[Way]:
    for action in state.on_enter:
        if action.type == "goto":
            yield Way(state.name, str(action.params.get("state", "")), "goto")
    for transition in state.transitions:
        for action in transition.actions:
            if action.type == "goto":
                yield Way(state.name, str(action.params.get("state", "")), transition.event)


def analyse(flow: Flow) -> list[Problem]:
    """List what is hardly meant, in the order of the file."""
    return sorted(_Analysis(flow).problems(), key=lambda problem: problem.line)


class _Analysis:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._ways = list(ways(flow))
        self._hooks = any(a.type == "call_hook" for s in flow.states.values() for a in s.actions)
        self._reached = self._reachable(flow.initial_state, self._ways)

    def problems(self) -> Iterator[Problem]:
        for state in self._flow.states.values():
            yield from self._about_reach(state)
            yield from self._about_time(state)
            yield from self._about_transitions(state)
        yield from self._rounds()
        if not any(self._ends(self._flow.states[name]) for name in self._reached):
            yield self._warning(0, "states", "nothing ever ends this dialog", self._perhaps)

    @property
    def _perhaps(self) -> str:
        return "unless a hook's answer does" if self._hooks else ""

    def _about_reach(self, state: State) -> Iterator[Problem]:
        where = f"states.{state.name}"
        if state.name not in self._reached:
            yield self._warning(state.line, where, "is never reached", self._perhaps)
        if state.terminal and state.transitions:
            yield self._warning(state.line, where, "is terminal: its transitions never happen")
        leaves = any(way.source == state.name for way in self._ways)
        if not leaves and not self._ends(state):
            hint = "mark it terminal: true, or give it a transition"
            if any(action.type == "call_hook" for action in state.on_enter):
                hint = f"{hint}, {self._perhaps}"
            yield self._warning(state.line, where, "is a dead end", hint)

    def _about_time(self, state: State) -> Iterator[Problem]:
        where = f"states.{state.name}.timeout"
        waits = any(one.event == "timeout" for one in state.transitions)
        if state.timeout and not state.timeout_next and not waits:
            yield self._warning(state.line, where, "leads nowhere", "add timeout_next")
        if not state.timeout and (state.timeout_next or waits):
            yield self._warning(state.line, where, "is missing: the timeout never happens")

    def _about_transitions(self, state: State) -> Iterator[Problem]:
        always: set[str] = set()
        done = {action.type for action in state.on_enter}
        for way in self._flow.states.values():
            for one in way.transitions:
                done |= {action.type for action in one.actions if one.target == state.name}
        for place, one in enumerate(state.transitions):
            where = f"states.{state.name}.transitions[{place}]"
            needed = RAISED_BY.get(one.event)
            if needed and needed not in done:
                message = f"waits for {one.event}, but nothing here does {needed}"
                yield self._warning(one.line, where, message)
            if one.event in always:
                hint = f"an earlier transition takes every {one.event}"
                yield self._warning(one.line, where, "never happens", hint)
            if one.condition and one.condition.language == "plain":
                message = f"is always {'true' if _plainly(one.condition.source) else 'false'}"
                hint = "a condition needs {{ }}"
                yield self._warning(one.line, f"{where}.condition", message, hint)
            if one.condition is None:
                always.add(one.event)

    def _rounds(self) -> Iterator[Problem]:
        """Find rounds that nobody needs to say a word for."""
        alone = [way for way in self._ways if way.event not in PERSONS and not way.condition]
        told: set[str] = set()
        for name in self._flow.states:
            after = {way.target for way in alone if way.source == name}
            circle = {one for target in after for one in self._reachable(target, alone)}
            if name in circle and name not in told and name in self._reached:
                back = {one for one in circle if name in self._reachable(one, alone)}
                told |= back
                hurried = all(w.event == "goto" for w in alone if {w.source, w.target} <= back)
                yield Problem(
                    "error" if hurried else "warning",
                    self._flow.file,
                    self._flow.states[name].line,
                    f"states.{name}",
                    "goes round without anybody doing anything: " + " -> ".join(sorted(back)),
                    "wait for speech, dtmf or a timeout somewhere",
                )

    def _ends(self, state: State) -> bool:
        return state.terminal or any(action.type in ENDS for action in state.actions)

    @staticmethod
    def _reachable(start: str, over: list[Way]) -> set[str]:
        after: Mapping[str, set[str]] = {way.source: set() for way in over}
        for way in over:
            after[way.source].add(way.target)
        seen, left = {start}, [start]
        while left:
            new = after.get(left.pop(), set()) - seen
            seen |= new
            left += new
        return seen

    def _warning(self, line: int, where: str, message: str, hint: str = "") -> Problem:
        severity: Literal["warning"] = "warning"
        return Problem(severity, self._flow.file, line, where, message, hint)


def _plainly(condition: str) -> bool:
    return condition.strip() not in ("", "false", "<no value>")
