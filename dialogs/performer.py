"""
Doing what the machine says: one list of actions at a time, in order, through the ports.

A list belongs to the state it was made for. When the dialog moves on, what is left of the list is
dropped, and what its hooks still bring back is no longer listened to. Events that actions raise
(`hook_result`, `action_error`, ...) happen when the list is through, so that none of it is skipped.
An action that fails raises an event and the next one is done: a call does not end over a typo.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Protocol, TypeVar

from dialogs.agent import Agent
from dialogs.clocks import Clocks, Collector
from dialogs.errors import HookFailed, PortFailed, TemplateError
from dialogs.flow import Action
from dialogs.hooks import Answer, build, read_answer, send
from dialogs.inbox import Inbox
from dialogs.keeper import Keeper
from dialogs.machine import Event, Machine, Step
from dialogs.mouth import Mouth, Utterance
from dialogs.ports import Listening, Ports, Sound, Style
from dialogs.tools import Tools

__all__ = ["Desk", "Performer"]

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds that a transfer, a caption or hanging up may take."""
SECRETS = frozenset({"auth_secret"})
"""Parameters that nobody is told of."""
COLLECT = {"digits": 20, "at_least": 1, "end": "#", "timeout": 5.0}


class Desk(Protocol):
    """What a performer needs of its runner."""

    listening: Listening
    barge_in: bool
    clocks: Clocks
    inbox: Inbox
    keeper: Keeper

    def listen(self, wish: Listening) -> None:
        """Listen this way from now on; raises `PortFailed`."""

    def move(self, step: Step) -> None:
        """Go to another state; ends the performer's list."""

    def lead(self, agent: Agent | None) -> None:
        """Let an agent hear what no transition takes."""

    def background(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Begin what may go on when the dialog moves, but not when it ends."""

    def end(self, reason: str) -> None:
        """The dialog is over."""


@dataclass(slots=True)
class Performer:
    """Does one list of actions."""

    machine: Machine
    mouth: Mouth
    ports: Ports
    desk: Desk
    raised: list[Event] = field(default_factory=list)
    _number: int = 0
    _moved: bool = False

    async def perform(self, actions: tuple[Action, ...]) -> None:
        """Do them all, then let happen what they led to."""
        entry = self.machine.entry
        await self._all(actions)
        if not self._moved:
            for event in self.raised:
                self.desk.inbox.add(event, entry)
            if self.machine.ended:
                await self.mouth.quiet()
                self.desk.end("finished")

    async def _all(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            await self.desk.inbox.caught_up()  # what has happened may make it moot
            if self._moved:
                return
            self._number += 1
            try:
                params = self.machine.render(action)
                self._told(action, params)
                await getattr(self, f"_{action.type}")(params)
            except (PortFailed, TemplateError, TimeoutError) as error:
                self._failed(action, str(error) or "took too long")

    def _told(self, action: Action, params: Mapping[str, object]) -> None:
        shown = {name: value for name, value in params.items() if name not in SECRETS}
        self.ports.observe("action.executed", {"action_type": action.type, "params": shown})

    def _failed(self, action: Action, error: str) -> None:
        self.ports.observe("error", {"code": "action_failed", "message": f"{action.type}: {error}"})
        self.raised.append(Event("action_error", {"action": action.type, "error": error}))

    # What each action does.

    async def _play_tts(self, params: Mapping[str, object]) -> None:
        text = str(params["text"]).strip()
        flow = self.machine.flow
        style = Style(
            voice=str(params.get("voice") or flow.voice),
            engine=str(params.get("engine", "")),
            language=str(params.get("language") or flow.language),
        )
        if text:
            say = partial(self.ports.voice.say, text, style)
            expect = partial(self.ports.voice.expect, text, style)
            await self._utter(params, Utterance(text, say, voice=style.voice, expect=expect))
        elif not self.mouth.speaking:
            self.raised.append(Event("tts_complete", {"text": ""}))

    async def _play_audio(self, params: Mapping[str, object]) -> None:
        file, url = str(params.get("file", "")), str(params.get("url", ""))
        if file and not _beside(file):
            raise PortFailed(f"{file!r} is not in the flow's folder")
        sound = Sound(file, url, self.machine.flow.file)
        await self._utter(params, Utterance("", partial(self.ports.voice.play, sound)))

    async def _utter(self, params: Mapping[str, object], utterance: Utterance) -> None:
        utterance.barge_in = bool(params.get("barge_in", self.desk.barge_in))
        self.mouth.add(utterance)
        if params.get("wait"):
            await utterance.over.wait()

    async def _call_hook(self, params: Mapping[str, object]) -> None:
        key = f"{self.machine.id}-{self.machine.entry}-{self._number}"
        url = str(params["url"])
        # The request goes on when the dialog moves: the other side may have acted on it already.
        asking = self.desk.background(self._ask(params, key))
        answer = await asyncio.shield(asking)
        if isinstance(answer, HookFailed):
            self.raised.append(Event("hook_error", {"url": url, "error": str(answer)}))
            return
        self.machine.variables.update(answer.variables)
        if answer.data is not None:
            self.machine.result = answer.data
        self.desk.keeper.changed()
        await self._all(answer.actions)
        if answer.next_state and not self._moved:
            self._go(answer.next_state, "hook_result")
        self.raised.append(Event("hook_result", {"url": url}))

    async def _ask(self, params: Mapping[str, object], key: str) -> Answer | HookFailed:
        request = build(self.machine, params, key=key)
        retries = int(str(params.get("retries") or 0))
        try:
            response = await send(self.ports.hooks, request, retries=retries)
            answer = read_answer(response, self.machine.flow)
        except HookFailed as error:
            self.ports.observe("hook.error", {"hook_url": request.url, "error": str(error)})
            return error
        told = {"hook_url": request.url, "status_code": response.status}
        self.ports.observe("hook.result", {**told, "response": answer.data or {}})
        return answer

    async def _set_variable(self, params: Mapping[str, object]) -> None:
        self.machine.variables.update({name: str(value) for name, value in params.items()})
        self.desk.keeper.changed()

    async def _hangup(self, params: Mapping[str, object]) -> None:
        await self.mouth.quiet()
        await _soon(self.ports.line.hang_up(str(params.get("reason", ""))))
        self._moved = True
        self.desk.end("hangup")

    async def _transfer(self, params: Mapping[str, object]) -> None:
        await self.mouth.quiet()
        await _soon(self.ports.line.transfer(str(params["to"])))
        self._moved = True
        self.desk.end("transferred")

    async def _listen(self, params: Mapping[str, object]) -> None:
        given = dict(params)
        self.desk.barge_in = bool(given.pop("barge_in", self.desk.barge_in))
        if silence := given.pop("silence", None):
            self.desk.clocks.expect_silence(float(str(silence)))
        if given:
            self.desk.listen(replace(self.desk.listening, **given))  # type: ignore[arg-type]
        self.machine.listening |= params  # type: ignore[arg-type]
        self.desk.keeper.changed()

    async def _collect(self, params: Mapping[str, object]) -> None:
        given = COLLECT | dict(params)
        self.desk.clocks.collect(
            Collector(
                digits=int(str(given["digits"])),
                at_least=int(str(given["at_least"])),
                end=str(given["end"]),
                timeout=float(str(given["timeout"])),
            )
        )

    async def _say_caption(self, params: Mapping[str, object]) -> None:
        await _soon(self.ports.line.caption(str(params["text"])))

    async def _emit_event(self, params: Mapping[str, object]) -> None:
        data = {name: value for name, value in params.items() if name != "name"}
        self.ports.observe(f"custom.{params['name']}", data)

    async def _goto(self, params: Mapping[str, object]) -> None:
        self._go(str(params["state"]), "goto")

    def _go(self, state: str, trigger: str) -> None:
        self._moved = True
        self.desk.move(self.machine.jump(state, trigger))

    async def _run_agent(self, params: Mapping[str, object]) -> None:
        if not self.ports.llm:
            raise PortFailed("there is no language model")
        spec = self.machine.flow.agents[str(params["agent"])]
        given = params.get("tools")
        allowed = spec.tools if not isinstance(given, tuple) else given
        agent = Agent(
            spec,
            machine=self.machine,
            mouth=self.mouth,
            ports=self.ports,
            keep=self.desk.keeper.changed,
            tools=Tools(self.machine, self.ports, [name for name in allowed if name in spec.tools]),
        )
        if words := str(params.get("words", "")):
            agent.hear(words)
        self.desk.lead(agent)
        try:
            done = await agent.run()
        finally:
            self.desk.lead(None)
        self.machine.result = done.data
        self.desk.keeper.changed()
        told = {**done.data, "outcome": done.outcome, "transfer_to": spec.transfer_to}
        self.ports.observe("dialog.happened", {"event": "agent_done", "params": told})
        self.raised.append(Event("agent_done", told))


def _beside(file: str) -> bool:
    path = PurePosixPath(file.replace("\\", "/"))
    return not path.is_absolute() and ".." not in path.parts and ":" not in file


async def _soon(work: Awaitable[None]) -> None:
    async with asyncio.timeout(PATIENCE):
        await work
