"""
From the text of a file to a flow, or to everything that is wrong with it.

Files of the predecessor are read unchanged; what it would have skipped in silence (an unknown key,
event or action, a duration that is none) is a mistake here, because somebody wrote it for a reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from dialogs import document
from dialogs.document import Node, plain
from dialogs.errors import FlowError
from dialogs.flow import Action, AgentSpec, Auth, Flow, State, Tool, Transition, Value
from dialogs.problem import Problem, did_you_mean
from dialogs.reading import Reader
from dialogs.templates import EMPTY, Template
from dialogs.vocabulary import ACTIONS, AUTH, EVENTS, ActionKind, Param, event_known

__all__ = ["parse", "parse_actions"]

FLOW = (
    "name", "version", "description", "variables", "language", "voice", "initial_state", "states",
    "agents", "tools",
)  # fmt: skip
STATE = ("on_enter", "transitions", "timeout", "timeout_next", "terminal")
TRANSITION = ("event", "condition", "target", "actions")
METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE")


def parse(text: str, *, file: str = "flow.yaml") -> Flow:
    """Read a flow; raises `FlowError` with all that is wrong with it."""
    reader = _Schema(file)
    try:
        root = document.read(text)
    except document.Unreadable as error:
        raise FlowError([Problem("error", file, error.line, "", str(error))]) from None
    flow = reader.flow(root, hashlib.sha256(text.encode()).hexdigest()[:16])
    if reader.problems:
        raise FlowError(sorted(reader.problems, key=lambda problem: problem.line))
    return flow


def parse_actions(actions: Sequence[object], flow: Flow) -> tuple[Action, ...]:
    """
    Read actions that came from outside, as data: no text in them is a template.

    Raises `FlowError` when one is not what the flow's own file could say.
    """
    reader = _Schema("answer", literal=True)
    read = reader.each(_as_node(list(actions)), "actions", reader.action)
    reader.settle(flow.states, flow.agents, flow.tools)
    if reader.problems:
        raise FlowError(reader.problems)
    return read


def _as_node(value: object) -> Node:
    match value:
        case Mapping():
            entries = {str(key): _as_node(one) for key, one in value.items()}
            return Node("map", 0, entries=entries, lines=dict.fromkeys(entries, 0))
        case list() | tuple():
            return Node("list", 0, items=[_as_node(item) for item in value])
        case None:
            return Node("nothing", 0)
        case bool():
            return Node("text", 0, text=str(value).lower())
    return Node("text", 0, text=str(value))


class _Schema(Reader):
    def __init__(self, file: str, *, literal: bool = False) -> None:
        super().__init__(file)
        self._literal = literal
        self._uses: list[tuple[str, str, int, str]] = []
        """What refers to what: kind, name, line, where."""

    def template(self, node: Node, where: str) -> Template:
        if self._literal:
            return Template(self.text(node, where), "plain")
        return super().template(node, where)

    def flow(self, node: Node, digest: str) -> Flow:
        given = self.fields(node, "", FLOW, ("initial_state", "states"))
        texts = {
            key: self.text(given[key], key)
            for key in ("version", "description", "language", "voice", "initial_state")
            if key in given
        }
        if "initial_state" in given:
            self._use("state", texts["initial_state"], given["initial_state"], "initial_state")
        name = self.text(given["name"], "name") if "name" in given else ""
        flow = Flow(
            name=name or PurePath(self.file).name,
            states=self.named(given.get("states"), "states", self._state),
            variables=self.named(given.get("variables"), "variables", self._variable),
            tools=self.named(given.get("tools"), "tools", self._tool),
            agents=self.named(given.get("agents"), "agents", self._agent),
            file=self.file,
            digest=digest,
            **{"initial_state": "", **texts},
        )
        if not flow.states and "states" in given:
            self.wrong(given["states"].line, "states", "there must be at least one")
        self.settle(flow.states, flow.agents, flow.tools)
        return flow

    def settle(self, *known: Mapping[str, object]) -> None:
        """Hold what was referred to against the states, agents and tools there are."""
        there = dict(zip(("state", "agent", "tool"), known, strict=True))
        for kind, name, line, where in self._uses:
            if name not in there[kind]:
                hint = did_you_mean(name, there[kind])
                self.wrong(line, where, f"there is no {kind} {name!r}", hint)

    def _use(self, kind: str, name: str, node: Node, where: str) -> str:
        self._uses.append((kind, name, node.line, where))
        return name

    def _variable(self, node: Node, where: str, name: str) -> str:
        return self.text(node, where)

    def _state(self, node: Node, where: str, name: str) -> State:
        if node.kind == "nothing":
            return State(name, line=node.line)
        given = self.fields(node, where, STATE)
        state: dict[str, Any] = {}
        if "timeout" in given:
            state["timeout"] = self.duration(given["timeout"], f"{where}.timeout")
        if "timeout_next" in given and given["timeout_next"].text:
            state["timeout_next"] = self._target(given["timeout_next"], f"{where}.timeout_next")
        if "terminal" in given:
            state["terminal"] = self.flag(given["terminal"], f"{where}.terminal")
        return State(
            name,
            on_enter=self.each(given.get("on_enter"), f"{where}.on_enter", self.action),
            transitions=self.each(
                given.get("transitions"), f"{where}.transitions", self._transition
            ),
            line=node.line,
            **state,
        )

    def _target(self, node: Node, where: str) -> str:
        return self._use("state", self.text(node, where), node, where)

    def _transition(self, node: Node, where: str) -> Transition:
        given = self.fields(node, where, TRANSITION, ("event", "target"))
        event = self.text(given["event"], f"{where}.event") if "event" in given else ""
        if "event" in given and not event_known(event):
            hint = did_you_mean(event, EVENTS)
            self.wrong(given["event"].line, f"{where}.event", f"there is no event {event!r}", hint)
        target, condition = given.get("target"), given.get("condition")
        return Transition(
            event,
            self._target(target, f"{where}.target") if target else "",
            condition=self.template(condition, f"{where}.condition") if condition else None,
            actions=self.each(given.get("actions"), f"{where}.actions", self.action),
            line=node.line,
        )

    def action(self, node: Node, where: str) -> Action:
        """Read an action and its parameters."""
        given = self.fields(node, where, ("type", "params"), ("type",))
        name = self.text(given["type"], f"{where}.type") if "type" in given else ""
        if not (kind := ACTIONS.get(name)):
            if "type" in given:
                hint = did_you_mean(name, ACTIONS)
                place = f"{where}.type"
                self.wrong(given["type"].line, place, f"there is no action {name!r}", hint)
            return Action(name)
        params = given.get("params") or Node("map", node.line)
        return Action(name, self._params(params, f"{where}.params", kind), node.line)

    def _params(self, node: Node, where: str, kind: ActionKind) -> dict[str, Value]:
        others = node.entries if kind.others else ()
        required = [name for name, param in kind.params.items() if param.required]
        given = self.fields(node, where, {*kind.params, *others}, required)
        if kind.one_of and sum(name in given for name in kind.one_of) != 1:
            self.wrong(node.line, where, f"needs one of {' and '.join(kind.one_of)}")
        other = Param("text", "")
        return {
            name: self._param(value, f"{where}.{name}", kind.params.get(name, other))
            for name, value in given.items()
            if name in kind.params or kind.others
        }

    def _param(self, node: Node, where: str, param: Param) -> Value:
        readers: Mapping[str, Callable[[Node, str], Value]] = {
            "text": self.template,
            "texts": lambda node, where: self.each(node, where, self.template),
            "words": lambda node, where: self.each(node, where, self.text),
            "word": self.text,
            "duration": self.duration,
            "flag": self.flag,
            "number": lambda node, where: self.number(node, where, whole=True),
            "choice": lambda node, where: self.choice(node, where, param.choices),
            "state": self._target,
            "agent": lambda node, where: self._use("agent", self.text(node, where), node, where),
            "tools": self._tools,
        }
        return readers[param.kind](node, where)

    def _tools(self, node: Node, where: str) -> tuple[str, ...]:
        return self.each(
            node, where, lambda item, at: self._use("tool", self.text(item, at), item, at)
        )

    def _tool(self, node: Node, where: str, name: str) -> Tool:
        kinds = {
            "description": Param("word", "", required=True),
            "url": Param("text", "", required=True),
            "method": Param("choice", "", choices=METHODS),
            "timeout": Param("duration", ""),
            "max_result": Param("number", ""),
            "say": Param("word", ""),
        }
        given = self._record(node, where, kinds, (*AUTH, "parameters"))
        parameters: object = {}
        if node.kind == "map" and "parameters" in node.entries:
            parameters = plain(node.entries["parameters"])
            if not isinstance(parameters, dict):
                line = node.entries["parameters"].line
                self.wrong(line, f"{where}.parameters", "must be a map", "a JSON Schema")
        return Tool(
            **{"description": "", "url": EMPTY, **given},
            name=name,
            auth=self._auth(node, where),
            parameters=parameters if isinstance(parameters, dict) else {},
        )

    def _auth(self, node: Node, where: str) -> Auth:
        given = {key: value for key, value in node.entries.items() if key in AUTH}
        read = {key: self._param(one, f"{where}.{key}", AUTH[key]) for key, one in given.items()}
        secret = read.get("auth_secret")
        return Auth(
            str(read.get("auth_type", "none")),
            secret if isinstance(secret, Template) else EMPTY,
        )

    def _agent(self, node: Node, where: str, name: str) -> AgentSpec:
        kinds = {
            "instructions": Param("text", "", required=True),
            "greeting": Param("text", ""),
            "topics_url": Param("text", ""),
            "tools": Param("tools", ""),
            "outcomes": Param("words", ""),
            "silence_prompts": Param("words", ""),
            "fallbacks": Param("words", ""),
            **dict.fromkeys(("model", "transfer_to", "goodbye"), Param("word", "")),
            **dict.fromkeys(("max_turns", "max_words", "history", "failures"), Param("number", "")),
            **dict.fromkeys(("silence", "model_timeout"), Param("duration", "")),
            "redact": Param("flag", ""),
        }
        given = self._record(node, where, kinds, (*AUTH, "temperature", "max_cost"))
        for key in ("temperature", "max_cost"):
            if node.kind == "map" and key in node.entries:
                given[key] = self.number(node.entries[key], f"{where}.{key}")
        return AgentSpec(
            **{"instructions": EMPTY, **given},
            name=name,
            topics_auth=self._auth(node, where),
            line=node.line,
        )

    def _record(
        self, node: Node, where: str, kinds: Mapping[str, Param], more: Sequence[str]
    ) -> dict[str, Any]:
        required = [name for name, param in kinds.items() if param.required]
        given = self.fields(node, where, (*kinds, *more), required)
        return {
            name: self._param(given[name], f"{where}.{name}", param)
            for name, param in kinds.items()
            if name in given
        }
