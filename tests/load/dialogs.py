"""
What many conversations at once cost: `python -m tests.load.dialogs --dialogs 500 --json`.

They are held as a worker of the service holds them: each in a call of its own, by the session, the
conversation, the runner and the voice that are there in the product; each step is kept in a SQLite
file before it counts as kept, and each event is told as a worker tells its parent. What follows a
script are the engines (recogniser, voice, model), the web, and the call itself: what sound costs on
its way `tests.load.media` measures.

People talk as people do: somebody speaks for one to three seconds, a web service is asked, the
answer takes three; half of the time they speak again in the middle of it. The reaction is the time
from the sound that ends what they say to the first sound of the answer; an event without one is
unanswered. A tenth of the dialogs is led by an agent with a model instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import resource
import statistics
import tempfile
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np
import structlog

from dialogs import Library
from dialogs.ports import Piece, Prompt, Request, Response, Sound, Style, Text
from tests.fakes.place import Place
from tests.fakes.stt import FakeStt
from tests.load.report import Bar, finish, parser
from tests.peers import until
from transcriber import aio
from transcriber.app.garbage import settle
from transcriber.audio.block import RATE, SAMPLES, Samples, silence
from transcriber.bus.memory import Bus
from transcriber.call import Person
from transcriber.events import DialogStarted, Event
from transcriber.session.accounts import Accounts
from transcriber.session.attendant import Attendant
from transcriber.session.conversations import Conversations
from transcriber.session.host import Engines, Order
from transcriber.session.supervisor import Supervisor
from transcriber.session.wishes import Wish
from transcriber.store.sqlite import SqliteStore

AGENT = 99
"""The word after which an agent leads."""
FLOW = f"""
name: load
initial_state: ask
agents:
  host: {{instructions: "You are a host for {{{{ variables.who }}}}.", max_turns: 0, silence: 1h}}
states:
  ask:
    transitions:
      - {{event: speech, condition: '{{{{ eq .Event "never" }}}}', target: ask}}
      - {{event: speech, condition: "{{{{ '{AGENT}' in event.text }}}}", target: talk}}
      - {{event: speech, target: look}}
  look:
    on_enter:
      - type: call_hook
        params: {{url: "https://x.example/{{{{ session.id }}}}", auth_type: hmac, auth_secret: k}}
    transitions:
      - event: hook_result
        condition: '{{{{ eq (index .Result "ok") true }}}}'
        target: ask
        actions:
          - {{type: set_variable, params: {{last: "{{{{ event.type }}}}"}}}}
          - {{type: play_tts, params: {{text: "You said something to {{{{ variables.who }}}}."}}}}
  talk:
    on_enter: [{{type: run_agent, params: {{agent: host}}}}]
"""
CALLER = Person("p", "Ann")
SAYING = (1.0, 3.0)
"""Seconds that somebody speaks."""
BEGINNING = 6.0
"""Seconds over which they begin: about as long as saying something and hearing the answer."""
PAUSE = (0.6, 1.4)
"""Seconds between an answer and what somebody says next."""
INTERRUPTING = 0.5
"""Seconds of an answer before it is interrupted."""
SPOKEN = 3.0
"""Seconds that an answer takes to say."""
ANSWER = np.zeros(round(SPOKEN * RATE), np.float32)
PATIENCE = 10.0
"""Seconds after which an answer does not come any more."""


class Room(Place):
    """A place in a call with one person; what we play is over when it would have been heard."""

    def __init__(self, room: str, wish: Callable[[], Wish]) -> None:
        super().__init__(room, wish, None)
        self.begun = asyncio.Event()
        """The dialog has begun."""
        self.answered = asyncio.Event()
        self.played_at = 0.0
        self._clock = asyncio.get_running_loop()
        self._until = 0.0
        self._marks: deque[tuple[asyncio.TimerHandle, Callable[[bool], None]]] = deque()

    def play(self, samples: Samples) -> None:
        if not self.answered.is_set():
            self.played_at = time.perf_counter()
            self.answered.set()
        self._until = max(self._until, self._clock.time()) + len(samples) / RATE

    def mark(self, reached: Callable[[bool], None]) -> None:
        self._marks.append((self._clock.call_at(self._until, self._reach), reached))

    def stop(self) -> None:
        marks, self._marks, self._until = self._marks, deque(), 0.0
        for timer, reached in marks:
            timer.cancel()
            reached(False)

    def say(self, word: int | None) -> None:
        """Let the person say a word, or fall silent."""
        assert self.listener
        block = silence() if word is None else np.full(SAMPLES, word, np.float32)
        self.listener.heard(CALLER.id, block)

    def _reach(self) -> None:
        self._marks.popleft()[1](True)


async def _speak(text: str, style: Style) -> AsyncGenerator[Samples, None]:
    yield ANSWER


async def _fetch(sound: Sound) -> AsyncGenerator[Samples, None]:
    yield np.zeros(0, np.float32)


class _World:
    """The web and the model; both answer at once."""

    async def send(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(200, b'{"data": {"ok": true}, "variables": {"seen": "yes"}}')

    async def chat(self, prompt: Prompt) -> AsyncIterator[Piece]:
        for word in ("Certainly. ", "I ", "will ", "do ", "that."):
            await asyncio.sleep(0)
            yield Text(word)


@asynccontextmanager
async def _worker(folder: Path, most: int) -> AsyncIterator[tuple[Conversations, dict[str, Room]]]:
    """Everything that holds conversations; yields it, and the rooms by name once they are there."""
    (folder / "load.yaml").write_text(FLOW)
    rooms: dict[str, Room] = {}
    bus, world, told = Bus(), _World(), aio.Backlog[str](1000)
    bus.subscribe(DialogStarted, lambda event: rooms[event.data.room].begun.set())
    bus.subscribe(Event, lambda event: told.push(event.model_dump_json()))

    def connect(room: str, wish: Callable[[], Wish]) -> Room:
        rooms[room] = Room(room, wish)
        return rooms[room]

    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SqliteStore(folder / "store.db"))
        conversations = Conversations(
            Library(folder),
            Engines(_speak, _fetch, world, world),
            accounts=Accounts(store),
            bus=bus,
            most=most,
        )
        attendant = Attendant(
            connect, stt=FakeStt(), bus=bus, ended=lambda room: calls.ended(room),
            talker=conversations, drain=1.0,
        )  # fmt: skip
        calls = Supervisor(store, attendant, most=most)
        conversations.calls["talk"] = calls
        for work in (conversations.run(), attendant.run(), calls.run()):
            await stack.enter_async_context(aio.alongside(work))
        yield conversations, rooms


async def _talk(room: Room, number: int, turns: int, chance: random.Random) -> list[float]:
    """Say something so many times; returns the seconds until each answer."""
    reactions = []
    await asyncio.sleep(chance.uniform(0, BEGINNING))
    if number % 10 == 0:
        room.say(AGENT)
        room.say(None)
        await asyncio.sleep(PAUSE[1])
    for turn in range(turns):
        room.say(1 + turn)
        await asyncio.sleep(chance.uniform(*SAYING))
        room.answered.clear()
        asked = time.perf_counter()
        room.say(None)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(room.answered.wait(), PATIENCE)
            reactions.append(room.played_at - asked)
        await asyncio.sleep(INTERRUPTING if turn % 2 else SPOKEN + chance.uniform(*PAUSE))
    return reactions


async def _measure(dialogs: int, turns: int, folder: Path) -> dict[str, float]:
    chance = random.Random(1)
    async with _worker(folder, dialogs) as (conversations, rooms):
        for number in range(dialogs):
            who = {"who": f"caller {number}"}
            await conversations.start(Order("load", place="talk", room=str(number), variables=who))
        await until(lambda: sum(room.here for room in rooms.values()) == dialogs, seconds=120)
        for room in rooms.values():
            assert room.listener
            room.listener.joined(CALLER)
        for room in rooms.values():
            await room.begun.wait()
        settle()
        cpu, wall = _cpu(), time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(_talk(rooms[str(n)], n, turns, chance)) for n in range(dialogs)
            ]
        cpu, wall = _cpu() - cpu, time.perf_counter() - wall
    reactions = sorted(one for task in running for one in task.result())
    events = dialogs * turns
    return {
        "dialogs": dialogs,
        "events": events,
        "events_per_second": events / wall,
        "cpu_ms_per_event": 1000 * cpu / events,
        "cpu_share_of_a_core": cpu / wall,
        "reaction_ms_p50": 1000 * statistics.median(reactions),
        "reaction_ms_p99": 1000 * reactions[int(0.99 * (len(reactions) - 1))],
        "unanswered": events - len(reactions),
    }


def _cpu() -> float:
    """Seconds of all our threads: those of the store work too."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--dialogs", type=int, default=100, help="conversations at once")
    options.add_argument("--turns", type=int, default=12, help="things said in each")
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(_measure(given.dialogs, given.turns, Path(folder)))
    bars = [
        Bar("reaction_ms_p99", figures["reaction_ms_p99"], "<=", 100),
        Bar("unanswered", figures["unanswered"], "==", 0),
    ]
    return finish("dialogs", figures, bars, as_json=given.json)


if __name__ == "__main__":
    raise SystemExit(main())
