"""
A world that follows a script, for flows that are tried out and for tests.

It offers every port. What is said takes as long as it would; web services and the language model
answer what the script says, in its order; everything that was done is written down.
"""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from dialogs.errors import HookFailed, ModelFailed, VoiceFailed
from dialogs.ports import (
    Listening,
    Piece,
    Ports,
    Prompt,
    Request,
    Response,
    Sound,
    Style,
    Text,
    ToolCall,
)

__all__ = ["JumpingLoop", "Reply", "Stage", "WebAnswer"]

WORD = 0.4
"""Seconds that a word takes to say."""
SOUND = 2.0
"""Seconds that any sound takes to play."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What the web says to a request whose address contains `url`; status 0 for no answer."""

    url: str = ""
    body: object = field(default_factory=dict)
    status: int = 200
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says: text, a tool with its arguments, or a failure; `pace` between words."""

    text: str = ""
    tool: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    fails: bool = False
    after: float = 0.0
    pace: float = 0.0


class _Playback:
    def __init__(self, text: str, length: float) -> None:
        self._text = text
        self._length = length
        self._began = asyncio.get_running_loop().time()
        self._stopped = asyncio.Event()

    async def finished(self) -> None:
        try:
            async with asyncio.timeout_at(self._began + self._length):
                await self._stopped.wait()
        except TimeoutError:
            return

    def stop(self) -> str:
        self._stopped.set()
        words = self._text.split()
        passed = asyncio.get_running_loop().time() - self._began
        return " ".join(words[: int(passed / WORD)])


class Stage:
    """Every port at once. `fails_to_say` are texts that the voice cannot say."""

    def __init__(self) -> None:
        self.web: list[WebAnswer] = []
        self.replies: list[Reply] = []
        self.fails_to_say: set[str] = set()
        self.said: list[str] = []
        self.expected: list[str] = []
        self.played: list[Sound] = []
        self.captions: list[str] = []
        self.transferred: list[str] = []
        self.hung_up: list[str] = []
        self.listening: list[Listening] = []
        self.requests: list[Request] = []
        self.prompts: list[Prompt] = []
        self.events: list[tuple[str, Mapping[str, object]]] = []
        self.kept: dict[str, Mapping[str, object]] = {}
        self.calls = 0

    @property
    def ports(self) -> Ports:
        """All of it, as a conversation wants it."""
        return Ports(self, self, self, self, self, self.observe)

    def observe(self, name: str, data: Mapping[str, object]) -> None:
        """Write down what happened."""
        self.events.append((name, dict(data)))

    def expect(self, text: str, style: Style) -> None:
        """Note what would be made ready."""
        self.expected.append(text)

    def say(self, text: str, style: Style) -> _Playback:
        """Begin to speak."""
        if text in self.fails_to_say:
            raise VoiceFailed("no voice")
        self.said.append(text)
        return _Playback(text, WORD * len(text.split()))

    def play(self, sound: Sound) -> _Playback:
        """Begin to play."""
        self.played.append(sound)
        return _Playback("", SOUND)

    def listen(self, wish: Listening) -> None:
        """Note how to listen."""
        self.listening.append(wish)

    async def caption(self, text: str) -> None:
        """Note a line."""
        self.captions.append(text)

    async def transfer(self, to: str) -> None:
        """Note where the call goes."""
        self.transferred.append(to)

    async def hang_up(self, reason: str) -> None:
        """Note that the call ends."""
        self.hung_up.append(reason)

    async def send(self, request: Request) -> Response:
        """Answer as the script says: the first answer whose address fits, once."""
        self.requests.append(request)
        for answer in self.web:
            if answer.url in request.url:
                self.web.remove(answer)
                await asyncio.sleep(answer.after)
                if not answer.status:
                    raise HookFailed("no answer")
                return Response(answer.status, json.dumps(answer.body).encode())
        raise HookFailed("nothing in the script answers this")

    async def chat(self, prompt: Prompt) -> AsyncIterator[Piece]:
        """Say what comes next in the script, word by word."""
        self.prompts.append(prompt)
        reply = self.replies.pop(0) if self.replies else Reply(fails=True)
        await asyncio.sleep(reply.after)
        if reply.fails:
            raise ModelFailed("no model")
        for word in reply.text.split(" ") if reply.text else ():
            await asyncio.sleep(reply.pace)
            yield Text(f"{word} ")
        if reply.tool:
            self.calls += 1
            yield ToolCall(f"call{self.calls}", reply.tool, json.dumps(dict(reply.arguments)))

    async def save(self, session_id: str, snapshot: Mapping[str, object]) -> None:
        """Keep a snapshot, as JSON would."""
        kept: Mapping[str, object] = json.loads(json.dumps(snapshot))
        self.kept[session_id] = kept

    async def forget(self, session_id: str) -> None:
        """Drop a snapshot."""
        self.kept.pop(session_id, None)


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop on which nobody waits: when nothing is ready, the clock jumps ahead."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """Tell the time of the script, in seconds."""
        return self.now


class _Jumping(selectors.SelectSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("the conversation waits for something that will never happen")
        self._loop.now += max(0.0, timeout)
        return super().select(0)
