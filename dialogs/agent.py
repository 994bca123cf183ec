"""
A conversation led by a language model instead of states, over the same ports.

The model writes and we speak, sentence by sentence, while it still writes. Somebody who speaks
meanwhile is heard at once: the model is stopped, and what it had written but nobody heard is taken
out of the conversation, because a model that believes it has said something will not say it again.
A tool that has begun is always waited for: the other side may have acted on it.

When the model fails, the caller hears so and it is tried again; after a few failures in a row the
agent gives up with the outcome `failed`. Nothing the model writes can do more than the flow allows.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from dialogs.conversation import FINISH, Conversation, Reply
from dialogs.errors import HookFailed, ModelFailed, PortFailed
from dialogs.flow import AgentSpec
from dialogs.hooks import authorised, send
from dialogs.machine import Machine
from dialogs.mouth import Mouth, Utterance
from dialogs.ports import Piece, Ports, Request, Style, Text, ToolCall, Usage
from dialogs.sentences import Sentences
from dialogs.tools import Tools

__all__ = ["Agent", "Done"]

NOT_THAT = "I am sorry, I cannot talk about that."
"""Said when a guard forbids a topic, or cannot be asked, without a line of its own."""
ROUNDS = 6
"""Times the model may use tools before it has to say something."""
HEARD = 8
"""Things said that may wait for the model; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Done:
    """How an agent's conversation ended, and what it found out."""

    outcome: str
    data: Mapping[str, object] = field(default_factory=dict)


class Agent:
    """Leads a conversation until it is `Done`; `hear` gives it what people say."""

    def __init__(
        self,
        spec: AgentSpec,
        *,
        machine: Machine,
        mouth: Mouth,
        ports: Ports,
        tools: Tools,
        keep: Callable[[], None],
    ) -> None:
        self._spec = spec
        self._machine = machine
        self._mouth = mouth
        self._ports = ports
        self._tools = tools
        self._changed = keep
        self._heard: deque[str] = deque(maxlen=HEARD)
        self._arrived = asyncio.Event()
        self._talk = Conversation(spec, machine)
        self._failures = 0
        self._using_tool = False

    def hear(self, text: str) -> None:
        """Take what somebody said; returns at once."""
        self._heard.append(text)
        self._arrived.set()

    def stir(self) -> None:
        """Somebody has begun to speak: words will follow, so it is not silent."""
        self._arrived.set()

    async def run(self) -> Done:
        """Talk until an outcome, a limit or too many failures."""
        if not self._talk.remember() and not self._heard and self._spec.greeting:
            self._say(self._spec.greeting.render(self._machine.context()))
        while words := await self._next_words():
            done = await self._turn(words)
            self._talk.keep()
            self._changed()
            if done:
                self._machine.memory = {}
                return done
        return Done("silence")

    # What people say.

    async def _next_words(self) -> str:
        """Wait for words, asking whether somebody is there; nothing when nobody is."""
        for prompt in (*self._spec.silence_prompts, ""):
            if await self._words():
                break
            if prompt:
                self._say(prompt)
        words = " ".join(self._heard)
        self._heard.clear()
        return words

    async def _words(self) -> bool:
        while not self._heard:
            self._arrived.clear()
            if self._mouth.speaking:
                await self._until_quiet()
                continue
            try:
                async with asyncio.timeout(self._spec.silence):
                    await self._arrived.wait()
            except TimeoutError:
                return bool(self._heard)
        return True

    async def _until_quiet(self) -> None:
        """Wait until somebody speaks or we have finished."""
        async with asyncio.TaskGroup() as tasks:
            waits = [
                tasks.create_task(self._mouth.quiet()),
                tasks.create_task(_wait(self._arrived)),
            ]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in waits:
                task.cancel()

    # What we answer.

    async def _turn(self, words: str) -> Done | None:
        self._talk.turns += 1
        self._ports.observe("agent.heard", {"pii_text": words, "turn": self._talk.turns})
        if self._spec.max_turns and self._talk.turns > self._spec.max_turns:
            return Done("max_turns")
        if self._spec.max_cost and self._talk.cost >= self._spec.max_cost:
            return Done("max_cost")
        if not await self._allowed(words):
            return None
        self._talk.add({"role": "user", "content": self._talk.hide(words)})
        async with asyncio.TaskGroup() as tasks:
            answer = tasks.create_task(self._answer())
            watch = tasks.create_task(self._watch(answer))
            await asyncio.wait([answer])
            watch.cancel()
        return None if answer.cancelled() else answer.result()

    async def _watch(self, answer: asyncio.Task[Done | None]) -> None:
        """Stop the answer when somebody says more, but not in the middle of a tool."""
        while not self._heard:
            self._arrived.clear()
            await self._arrived.wait()
        if not self._using_tool:
            answer.cancel()

    async def _answer(self) -> Done | None:
        while True:
            try:
                done = await self._rounds()
            except (ModelFailed, TimeoutError) as error:
                self._failures += 1
                self._ports.observe(
                    "error", {"code": "model_failed", "message": str(error) or "took too long"}
                )
            else:
                self._failures = 0
                return done
            if self._failures >= self._spec.failures:
                self._say(self._spec.goodbye)
                return Done("failed")
            if lines := self._spec.fallbacks:
                self._say(lines[(self._failures - 1) % len(lines)])

    async def _rounds(self) -> Done | None:
        for _ in range(ROUNDS):
            calls = await self._listen_to_model()
            if not calls:
                break
            if done := await self._use(calls):
                return done
            if self._heard:
                break
        return None

    async def _listen_to_model(self) -> list[ToolCall]:
        """Say what the model writes; gives the tools it wants."""
        assert self._ports.llm is not None
        reply, sentences, calls, words = Reply(), Sentences(), [], 0
        stream = self._ports.llm.chat(self._talk.prompt(self._tools.described))
        self._talk.add(reply)
        try:
            while piece := await self._piece(stream):
                match piece:
                    case Text(text):
                        words += len(text.split())
                        for sentence in sentences.push(text):
                            self._say(sentence, reply)
                    case ToolCall():
                        calls.append(piece)
                    case Usage():
                        self._talk.cost += piece.cost
                if reply.interrupted:
                    return []
                if words > self._spec.max_words:
                    sentences = Sentences()
                    break
        finally:
            if close := getattr(stream, "aclose", None):
                await close()
        if rest := sentences.flush():
            self._say(rest, reply)
        return calls

    async def _piece(self, stream: AsyncIterator[Piece]) -> Piece | None:
        async with asyncio.timeout(self._spec.model_timeout):
            return await anext(stream, None)

    # What we do.

    async def _use(self, calls: list[ToolCall]) -> Done | None:
        """Use tools and tell the model what came of it; or finish, if that is what it wants."""
        results: list[Mapping[str, object]] = []
        done = None
        self._using_tool = True
        try:
            for call in calls:
                said = done = self._finished(call) if call.name == FINISH else None
                text = "ok" if said else await self._use_one(call)
                results.append({"role": "tool", "tool_call_id": call.id, "content": text})
        finally:
            self._using_tool = False
        wanted = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in calls
        ]
        self._talk.add({"role": "assistant", "content": "", "tool_calls": wanted}, *results)
        return done

    async def _use_one(self, call: ToolCall) -> str:
        if call.name == FINISH:
            return f"error: outcome must be one of {', '.join(self._spec.outcomes)}"
        tool = self._tools.get(call.name)
        if tool and tool.say and not self._mouth.speaking:
            self._say(tool.say)
        key = f"{self._machine.id}-{self._machine.entry}-{self._talk.turns}-{call.id}"
        return self._talk.hide(
            await self._tools.use(call, self._talk.reveal(call.arguments), key=key)
        )

    def _finished(self, call: ToolCall) -> Done | None:
        try:
            given = json.loads(self._talk.reveal(call.arguments or "{}"))
        except (ValueError, RecursionError):
            return None
        outcome = given.get("outcome") if isinstance(given, dict) else None
        if outcome not in self._spec.outcomes:
            return None
        data = given.get("data")
        return Done(str(outcome), data if isinstance(data, dict) else {})

    async def _allowed(self, words: str) -> bool:
        """Ask the flow's guard, if it has one, whether this may be talked about."""
        if not (url := self._spec.topics_url):
            return True
        context = self._machine.context()
        body = json.dumps({"session_id": self._machine.id, "text": words}).encode()
        secret = self._spec.topics_auth.secret.render(context)
        headers = {"Content-Type": "application/json"}
        headers |= authorised(self._spec.topics_auth.type, secret, body)
        request = Request(url.render(context), body, headers=headers, timeout=3.0, limit=64 * 1024)
        try:
            verdict = json.loads((await send(self._ports.hooks, request)).body)
        except (HookFailed, ValueError, RecursionError):
            verdict = {}
        if isinstance(verdict, dict) and verdict.get("allowed") is True:
            return True
        line = verdict.get("say") if isinstance(verdict, dict) else None
        self._say(str(line or NOT_THAT))
        return False

    def _say(self, text: str, reply: Reply | None = None) -> None:
        """Say a sentence of a reply, or one of our own."""
        flow = self._machine.flow
        shown = self._talk.reveal(text)
        style = Style(voice=flow.voice, language=flow.language)
        if reply is None:
            reply = Reply()
            self._talk.add(reply)
        utterance = Utterance(
            shown,
            partial(self._ports.voice.say, shown, style),
            voice=flow.voice,
            expect=partial(self._ports.voice.expect, shown, style),
        )
        try:
            reply.said.append(self._mouth.add(utterance))
        except PortFailed:
            return
        self._ports.observe("agent.said", {"pii_text": shown, "turn": self._talk.turns})


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
