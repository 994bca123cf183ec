"""
Whoever holds a conversation: gives a dialog its engines and a place to be held, and leads it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from dialogs import Library, Machine
from dialogs.errors import UnknownState
from dialogs.ports import Hooks, Line, Llm, Ports, Voice
from dialogs.problem import did_you_mean
from transcriber.errors import TranscriberError
from transcriber.ids import new_id
from transcriber.session.accounts import Account
from transcriber.session.attendant import Stay
from transcriber.session.conversation import Conversation, Keep, Publish
from transcriber.session.lines import CallLine, Paper, Turns
from transcriber.session.voice import Fetch, Speak, open_voice

__all__ = ["Engines", "Host", "Order"]

log = structlog.get_logger(__name__)


async def _nothing() -> None:
    """Nothing takes time."""


@dataclass(frozen=True, slots=True)
class Engines:
    """What conversations need of the world."""

    speak: Speak
    fetch: Fetch
    hooks: Hooks
    llm: Llm | None = None
    prepare: Callable[[], Awaitable[None]] = _nothing
    """Loads what takes time, before somebody waits for it; may be called again."""
    turns: Turns = lambda language, engine: False


@dataclass(frozen=True, slots=True)
class Order:
    """A conversation to start: in a room of some kind of place, or in writing."""

    dialog: str
    id: str = ""
    place: str = ""
    room: str = ""
    state: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


class Host:
    """Makes conversations and leads them; one that fails is over, and the others go on."""

    def __init__(self, library: Library, engines: Engines, *, keep: Keep, publish: Publish) -> None:
        self._library = library
        self._engines = engines
        self._keep, self._publish = keep, publish

    def make(self, order: Order) -> Conversation:
        """Make a new one; raises `UnknownFlow` and `UnknownState`."""
        flow = self._library.get(order.dialog)
        if order.state and order.state not in flow.states:
            hint = did_you_mean(order.state, flow.states)
            raise UnknownState(f"there is no state {order.state!r}; {hint}")
        machine = Machine(flow, order.id or new_id("dlg"), variables=order.variables)
        account = Account(machine.id, flow.name, order.room, order.place, order.state)
        return Conversation(machine, account, publish=self._publish, keep=self._keep)

    def restore(self, account: Account) -> Conversation:
        """
        Go on with one that was kept, with the flow as it is now.

        Raises `UnknownFlow` or `UnknownState` when there is no such flow or state any more.
        """
        flow, kept = self._library.get(account.dialog), account.snapshot
        if kept["state"]:
            machine = Machine.restore(flow, account.id, kept)
        else:
            machine = Machine(flow, account.id, variables=kept["variables"])
        return Conversation(machine, account, publish=self._publish, keep=self._keep)

    async def prepare(self) -> None:
        """Load the voice, before somebody waits for it."""
        try:
            await self._engines.prepare()
        except TranscriberError as problem:
            log.warning("voice is not ready", problem=str(problem))

    async def talk(self, conversation: Conversation, stay: Stay) -> None:
        """Hold it in a call, until it is over."""
        engines, line = self._engines, CallLine(stay, turns=self._engines.turns)
        stay.session.listen(language=conversation.machine.flow.language)
        async with open_voice(stay.call, speak=engines.speak, fetch=engines.fetch) as voice:
            await self._lead(conversation, voice, line, session_id=stay.session.id)
        stay.session.listen()

    async def write(self, conversation: Conversation) -> None:
        """Hold it in writing, until it is over."""
        paper = Paper()
        await self._lead(conversation, paper, paper, session_id=conversation.id)

    async def _lead(
        self, conversation: Conversation, voice: Voice, line: Line, *, session_id: str
    ) -> None:
        hooks, llm = self._engines.hooks, self._engines.llm
        ports = Ports(voice, line, hooks, llm, conversation, conversation.observe)
        try:
            await conversation.hold(ports, session_id=session_id)
        except Exception as error:
            log.exception("conversation failed", dialog=conversation.id)
            conversation.fail(type(error).__name__)
