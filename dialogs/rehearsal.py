"""
Flows tried out without a telephone: `transcriber flows test FILE`.

A script beside the flow (`reception.test.yaml`) says what people say and press and what the web and
the model answer, and what must come of it. Time is the script's own: a rehearsal of an hour takes
a moment and comes out the same every time.

    flow: reception.yaml
    conversations:
      - name: books a table
        web: [{url: api.example, body: {data: {free: true}}}]
        steps:
          - expect: {state: ask, said: good day}
          - press: "1"
          - expect: {state: booking, ended: hangup}
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dialogs import document
from dialogs.document import Node, plain
from dialogs.errors import DialogError, Ended, FlowError
from dialogs.filters import text_of
from dialogs.flow import Flow
from dialogs.library import ENDINGS, SCRIPT, read_flow
from dialogs.machine import Event, Machine
from dialogs.problem import Problem
from dialogs.reading import Reader, seconds
from dialogs.runner import Runner
from dialogs.stage import JumpingLoop, Reply, Stage, WebAnswer

__all__ = ["Rehearsal", "perform", "read_script", "rehearse"]

STEPS = ("say", "press", "wait", "voice", "silence", "event", "join", "leave", "expect")
EXPECTS = (
    "state", "said", "not_said", "ended", "variables", "hook", "transferred", "caption", "event",
)  # fmt: skip
SETTLE = 0.05
"""Seconds of script time in which everything that needs no time happens."""
WITHIN = 30.0
"""Seconds of script time within which an expectation must come true."""
PATIENCE = 120.0
"""Seconds of script time that we wait until nothing is being said."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One scripted conversation."""

    name: str
    steps: tuple[tuple[str, Any, int, bool], ...]
    """What, with what, on which line, and whether it does not wait until we have spoken."""
    variables: Mapping[str, str] = field(default_factory=dict)
    web: tuple[WebAnswer, ...] = ()
    model: tuple[Reply, ...] = ()
    start: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a conversation went: what was not as expected, and all that was said."""

    file: str
    name: str
    problems: tuple[Problem, ...] = ()
    transcript: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    """The states it came through, in order."""

    @property
    def ok(self) -> bool:
        """Whether everything was as expected."""
        return not self.problems


def rehearse(paths: Iterable[Path]) -> list[Rehearsal]:
    """Try out scripts, or flows with a script beside them, on a clock of their own."""
    results: list[Rehearsal] = []
    for path in paths:
        for script in _scripts(path):
            try:
                flow, conversations = read_script(script)
            except FlowError as error:
                results.append(Rehearsal(str(script), "", error.problems))
                continue
            for one in conversations:
                with asyncio.Runner(loop_factory=JumpingLoop) as loop:
                    results.append(loop.run(perform(flow, one, file=str(script))))
    return results


def _scripts(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(one for one in path.iterdir() if one.suffix in ENDINGS and _is_script(one))
    return [path if _is_script(path) else path.with_name(f"{path.stem}{SCRIPT}{path.suffix}")]


def _is_script(path: Path) -> bool:
    return path.stem.endswith(SCRIPT)


def read_script(path: Path) -> tuple[Flow, tuple[Conversation, ...]]:
    """Read a script and its flow; raises `FlowError` with all that is wrong with either."""
    reader = _Script(str(path))
    try:
        root = document.read(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FlowError([Problem("error", str(path), 0, "", error.strerror or "")]) from None
    except document.Unreadable as error:
        raise FlowError([Problem("error", str(path), error.line, "", str(error))]) from None
    given = reader.fields(root, "", ("flow", "conversations"), ("conversations",))
    conversations = reader.each(given.get("conversations"), "conversations", reader.conversation)
    if reader.problems:
        raise FlowError(reader.problems)
    beside = path.name.replace(f"{SCRIPT}.", ".")
    return read_flow(
        path.with_name(given["flow"].text if "flow" in given else beside)
    ), conversations


class _Script(Reader):
    def conversation(self, node: Node, where: str) -> Conversation:
        known = ("name", "steps", "variables", "web", "model", "start")
        given = self.fields(node, where, known, ("name", "steps"))
        return Conversation(
            name=self.text(given["name"], f"{where}.name") if "name" in given else "",
            steps=self.each(given.get("steps"), f"{where}.steps", self._step),
            variables=self.named(
                given.get("variables"), f"{where}.variables", lambda one, at, name: one.text
            ),
            web=self.each(given.get("web"), f"{where}.web", self._web),
            model=self.each(given.get("model"), f"{where}.model", self._reply),
            start=given["start"].text if "start" in given else "",
        )

    def _step(self, node: Node, where: str) -> tuple[str, Any, int, bool]:
        given = self.fields(node, where, (*STEPS, "interrupts", "data"))
        named = [key for key in given if key in STEPS]
        if len(named) != 1:
            self.wrong(node.line, where, f"must do one of {', '.join(STEPS)}")
            return ("wait", "0s", node.line, False)
        what, value = named[0], plain(given[named[0]])
        if what == "expect":
            self.fields(given[what], f"{where}.expect", EXPECTS)
        elif what == "wait":
            self.duration(given[what], f"{where}.wait")
            value = given[what].text
        elif what == "event":
            data = plain(given["data"]) if "data" in given else {}
            value = (given[what].text, data if isinstance(data, dict) else {})
        elif what in ("say", "press", "join", "leave"):
            value = given[what].text
        interrupts = "interrupts" in given and self.flag(given["interrupts"], where)
        return (what, value, node.line, interrupts)

    def _web(self, node: Node, where: str) -> WebAnswer:
        given = self.fields(node, where, ("url", "body", "status", "after"))
        return WebAnswer(
            url=given["url"].text if "url" in given else "",
            body=plain(given["body"]) if "body" in given else {},
            status=int(self.number(given["status"], where)) if "status" in given else 200,
            after=self.duration(given["after"], where) if "after" in given else 0.0,
        )

    def _reply(self, node: Node, where: str) -> Reply:
        given = self.fields(node, where, ("text", "tool", "arguments", "fails", "after", "pace"))
        arguments = plain(given["arguments"]) if "arguments" in given else {}
        return Reply(
            text=given["text"].text if "text" in given else "",
            tool=given["tool"].text if "tool" in given else "",
            arguments=arguments if isinstance(arguments, dict) else {},
            fails="fails" in given and self.flag(given["fails"], where),
            after=self.duration(given["after"], where) if "after" in given else 0.0,
            pace=self.duration(given["pace"], where) if "pace" in given else 0.0,
        )


async def perform(flow: Flow, conversation: Conversation, *, file: str = "") -> Rehearsal:
    """Play one conversation; wants a loop whose clock jumps."""
    play = _Play(flow, conversation, file)
    await play.run()
    states = [
        str(data["to_state"]) for name, data in play.stage.events if name == "state.transition"
    ]
    return Rehearsal(
        file, conversation.name, tuple(play.problems), tuple(play.transcript), tuple(states)
    )


class _Play:
    def __init__(self, flow: Flow, conversation: Conversation, file: str) -> None:
        self.stage = Stage()
        self.stage.web = list(conversation.web)
        self.stage.replies = list(conversation.model)
        self.problems: list[Problem] = []
        self.transcript: list[str] = []
        self._file = file
        self._conversation = conversation
        self._machine = Machine(flow, "rehearsal", variables=conversation.variables)
        self._outcome = ""
        self._since = 0
        """How much had been said when somebody last did something."""
        self._told = 0

    async def run(self) -> None:
        runner = Runner(self._machine, self.stage.ports, start=self._conversation.start)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._lead(runner))
            for what, value, line, interrupts in self._conversation.steps:
                await self._until(lambda: False, SETTLE)
                if what == "expect":
                    await self._expect(value, line)
                elif what == "wait":
                    await asyncio.sleep(seconds(value) or 0.0)
                else:
                    if not interrupts:
                        await self._until(lambda: not self._speaking, PATIENCE)
                    self._do(runner, what, value, line)
            await asyncio.sleep(SETTLE)
            await self._until(lambda: not self._speaking, PATIENCE)
            self._write()
            runner.close()

    async def _lead(self, runner: Runner) -> None:
        try:
            self._outcome = await runner.run()
        except DialogError as error:
            self._wrong(0, str(error))

    async def _until(self, holds: Callable[[], bool], patience: float) -> None:
        """Let time pass until something holds, or patience ends."""
        waited = 0.0
        while waited < patience and not holds():
            await asyncio.sleep(SETTLE)
            waited += SETTLE

    @property
    def _speaking(self) -> bool:
        begun = sum(name == "tts.started" for name, _ in self.stage.events)
        ended = ("tts.completed", "tts.interrupted")
        return not self._outcome and begun > sum(name in ended for name, _ in self.stage.events)

    def _write(self) -> None:
        self.transcript += [f"bot: {text}" for text in self.stage.said[self._told :]]
        self._told = len(self.stage.said)

    def _do(self, runner: Runner, what: str, value: Any, line: int) -> None:
        events: Mapping[str, Callable[[], list[Event]]] = {
            "say": lambda: [Event("speech", {"text": value, "person": "caller"})],
            "press": lambda: [Event("dtmf", {"digit": digit}) for digit in value],
            "silence": lambda: [Event("silence")],
            "event": lambda: [Event(*value)],
            "join": lambda: [Event("joined", {"person": value})],
            "leave": lambda: [Event("left", {"person": value})],
            "voice": list,
        }
        self._write()
        self._since = len(self.stage.said)
        self.transcript.append(f"{what}: {value}")
        try:
            if what in ("voice", "say"):
                runner.voice_detected()
            for event in events[what]():
                runner.post(event)
        except Ended:
            self._wrong(line, f"the dialog had ended ({self._outcome}) before {what}: {value}")

    async def _expect(self, wanted: Mapping[str, Any], line: int) -> None:
        await self._until(lambda: not list(self._missed(wanted)), WITHIN)
        for key, value, found in self._missed(wanted):
            self._wrong(line, f"{key}: expected {value!r}, but it is {found!r}")

    def _missed(self, wanted: Mapping[str, Any]) -> Iterator[tuple[str, Any, object]]:
        said = " ".join(self.stage.said[self._since :])
        found: Mapping[str, object] = {
            "state": self._machine.state,
            "said": said,
            "not_said": said,
            "ended": self._outcome,
            "hook": " ".join(request.url for request in self.stage.requests),
            "transferred": " ".join(self.stage.transferred),
            "caption": " ".join(self.stage.captions),
            "event": [name[7:] for name, _ in self.stage.events if name.startswith("custom.")],
            "variables": dict(self._machine.variables),
        }
        for key, value in wanted.items():
            if not _holds(key, value, found[key]):
                yield key, value, found[key]

    def _wrong(self, line: int, message: str) -> None:
        where = f"conversation {self._conversation.name!r}"
        self.problems.append(Problem("error", self._file, line, where, message))


def _holds(key: str, wanted: Any, found: Any) -> bool:
    match key:
        case "state" | "ended":
            return bool(wanted == found)
        case "event":
            return wanted in found
        case "variables":
            return all(found.get(name) == text_of(value) for name, value in wanted.items())
        case "not_said":
            return not _all_in(wanted, found)
    return _all_in(wanted, found)


def _all_in(wanted: Any, text: str) -> bool:
    parts = wanted if isinstance(wanted, list) else [wanted]
    return all(str(part).lower() in text.lower() for part in parts)
