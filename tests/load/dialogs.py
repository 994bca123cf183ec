"""
What many conversations at once cost: `python -m tests.load.dialogs --dialogs 500 --json`.

Every dialog runs the same small flow on one event loop, with engines that follow a script: somebody
says something, a web service is asked, the answer is spoken; half of the time it is interrupted.
The reaction is the time from the recognised words to the call of the voice; an event without one is
unanswered. A tenth of the dialogs is led by an agent with a scripted model instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import time
from collections.abc import AsyncIterator

from dialogs.machine import Event, Machine
from dialogs.ports import Piece, Ports, Prompt, Request, Response, Style, Text
from dialogs.runner import Runner
from dialogs.schema import parse
from tests.load.report import Bar, finish, parser

FLOW = parse("""
name: load
initial_state: ask
agents:
  host: {instructions: "You are a host for {{ variables.who }}.", max_turns: 0, silence: 1h}
states:
  ask:
    transitions:
      - {event: speech, condition: '{{ eq .Event "never" }}', target: ask}
      - {event: speech, condition: "{{ 'agent' in event.text }}", target: talk}
      - {event: speech, target: look}
  look:
    on_enter:
      - type: call_hook
        params: {url: "https://x.example/{{ session.id }}", auth_type: hmac, auth_secret: k}
    transitions:
      - event: hook_result
        condition: '{{ eq (index .Result "ok") true }}'
        target: ask
        actions:
          - {type: set_variable, params: {last: "{{ event.type }}"}}
          - {type: play_tts, params: {text: "You said something to {{ variables.who }}."}}
  talk:
    on_enter: [{type: run_agent, params: {agent: host}}]
""")
PAUSE = (0.6, 1.4)
"""Seconds between two things that somebody says."""
PATIENCE = 10.0
"""Seconds after which an answer does not come any more."""
SPOKEN = 0.8
"""Seconds that an answer takes to say."""


class _Playback:
    def __init__(self) -> None:
        self._over = asyncio.Event()

    async def finished(self) -> None:
        try:
            async with asyncio.timeout(SPOKEN):
                await self._over.wait()
        except TimeoutError:
            return

    def stop(self) -> str:
        self._over.set()
        return ""


class _World:
    """All ports of one dialog; notes how long after the words an answer began."""

    def __init__(self) -> None:
        self.asked: float | None = None
        self.answered = asyncio.Event()
        self.reactions: list[float] = []

    def expect(self, text: str, style: Style) -> None: ...

    def say(self, text: str, style: Style) -> _Playback:
        if self.asked is not None:
            self.reactions.append(time.perf_counter() - self.asked)
            self.asked = None
            self.answered.set()
        return _Playback()

    def play(self, sound: object) -> _Playback:
        return _Playback()

    def listen(self, wish: object) -> None: ...

    async def caption(self, text: str) -> None: ...

    async def transfer(self, to: str) -> None: ...

    async def hang_up(self, reason: str) -> None: ...

    async def send(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(200, b'{"data": {"ok": true}, "variables": {"seen": "yes"}}')

    async def chat(self, prompt: Prompt) -> AsyncIterator[Piece]:
        for word in ("Certainly. ", "I ", "will ", "do ", "that."):
            await asyncio.sleep(0)
            yield Text(word)

    async def save(self, session_id: str, snapshot: object) -> None:
        await asyncio.sleep(0)

    async def forget(self, session_id: str) -> None: ...


async def _dialog(number: int, turns: int, chance: random.Random) -> _World:
    world = _World()
    ports = Ports(world, world, world, world, world)
    runner = Runner(Machine(FLOW, f"s{number}", variables={"who": f"caller {number}"}), ports)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.run())
        await asyncio.sleep(chance.uniform(*PAUSE))
        if number % 10 == 0:
            runner.post(Event("speech", {"text": "an agent"}))
            await asyncio.sleep(0.1)
        for turn in range(turns):
            if turn % 2:
                runner.voice_detected()
            world.answered.clear()
            world.asked = time.perf_counter()
            runner.post(Event("speech", {"text": f"this is number {turn}"}))
            await asyncio.sleep(chance.uniform(*PAUSE))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(world.answered.wait(), PATIENCE)
        runner.close()
    return world


async def _measure(dialogs: int, turns: int) -> dict[str, float]:
    chance = random.Random(1)
    cpu, wall = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_dialog(n, turns, chance)) for n in range(dialogs)]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    reactions = sorted(one for task in running for one in task.result().reactions)
    events = dialogs * turns
    return {
        "dialogs": dialogs,
        "events": events,
        "cpu_ms_per_event": 1000 * cpu / events,
        "cpu_share_of_a_core": cpu / wall,
        "reaction_ms_p50": 1000 * statistics.median(reactions),
        "reaction_ms_p99": 1000 * reactions[int(0.99 * (len(reactions) - 1))],
        "unanswered": events - len(reactions),
    }


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--dialogs", type=int, default=100, help="conversations at once")
    options.add_argument("--turns", type=int, default=12, help="things said in each")
    given = options.parse_args()
    figures = asyncio.run(_measure(given.dialogs, given.turns))
    bars = [
        Bar("reaction_ms_p99", figures["reaction_ms_p99"], "<=", 100),
        Bar("unanswered", figures["unanswered"], "==", 0),
    ]
    return finish("dialogs", figures, bars, as_json=given.json)


if __name__ == "__main__":
    raise SystemExit(main())
