"""
What breaks in a real call, and how much is lost: the signaling server, Janus, the network, the
recogniser, Nextcloud, the clock.

Somebody speaks all the time and comes back as a browser does; somebody asked once for captions and
reads. For each fault: whether captions went on by themselves, and how many seconds of what was said
never became captions. The servers are the real ones; the recogniser counts what it hears.

  python -m tests.faults.talk --json
  python -m tests.faults.talk --only hpb_restart janus_restart
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import structlog

from hpb import Message
from tests.fakes.call import FakeListener
from tests.load.report import Bar, finish, parser
from tests.peers.hpb_stack import HpbStack
from tests.peers.talk.captioned import ROOM, Place, captioned, talking
from tests.peers.talk.counting import Counted, Counting
from tests.peers.talk.programs import NEWEST
from tests.peers.talk.proxy import Proxy
from tests.peers.talk.voice import Voice
from tests.peers.talk.watch import watch
from transcriber.audio.block import RATE
from transcriber.connectors.talk.call import Server, Talk, Unwelcome
from transcriber.engines.stt.fallback import choose
from transcriber.engines.stt.members import Members
from transcriber.engines.stt.policy import Policy
from transcriber.rtc import Clip, Media

__all__ = ["FAULTS", "torment"]

RECOVERED = 60.0
"""Seconds after a fault within which captions have to go on."""
HURRY = 1.5
"""Seconds of speech whose captions arrive within one second only if they are late."""
STEADY = 3.0
"""Seconds of captions that count as going on; what is late arrives meanwhile."""


@dataclass
class Scene:
    """A call under observation."""

    stack: HpbStack
    proxy: Proxy
    place: Place
    engine: Counting
    voice: Voice
    read: Counted
    silent: float = 0.0
    """Seconds in which the speaker was silent on purpose."""

    async def goes_on(self, within: float = RECOVERED) -> bool:
        """Wait until captions of what is said now arrive; whether they do."""
        since = time.monotonic()
        while time.monotonic() < since + within:
            if self._fresh(since):  # perhaps but with what was late
                seen = self.read.last
                await asyncio.sleep(STEADY)
                if self.read.last > seen:
                    return True
            await asyncio.sleep(0.05)
        return False

    async def caught_up(self) -> None:
        """Wait until what is late has come: until no more arrives than is said."""
        before = -HURRY
        while self.read.seconds > before + HURRY:
            before = self.read.seconds
            await asyncio.sleep(1)

    def _fresh(self, since: float) -> bool:
        return self.read.last > since + 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one fault."""

    fault: str
    recovered: bool
    seconds_lost: float
    repeated: int


async def cut(scene: Scene) -> None:
    """Our connection is cut, and the server still knows us when we are back."""
    scene.proxy.refuse = True
    scene.proxy.cut()
    await asyncio.sleep(5)
    scene.proxy.refuse = False


async def long_cut(scene: Scene) -> None:
    """It is cut for longer than the server remembers us."""
    scene.proxy.refuse = True
    scene.proxy.cut()
    await asyncio.sleep(40)
    scene.proxy.refuse = False


async def hpb_restart(scene: Scene) -> None:
    """The signaling server is killed and started again."""
    await scene.stack.server.stop(signal.SIGKILL)
    await scene.stack.server.start()


async def janus_restart(scene: Scene) -> None:
    """Janus is killed and started again; the speaker publishes anew."""
    await scene.stack.janus.stop(signal.SIGKILL)
    scene.voice.come_back()
    await scene.stack.janus.start()


async def comings_and_goings(scene: Scene) -> None:
    """The speaker leaves the call, comes back, mutes and unmutes, twenty times."""
    for number in range(20):
        away = time.monotonic()
        await scene.stack.nextcloud.set_in_call("nc-ann", 0 if number % 2 else 1)
        await asyncio.sleep(0.5)
        if number % 2:
            scene.voice.come_back()  # a browser publishes anew
            await scene.voice.speaking.wait()
        else:
            await scene.stack.nextcloud.set_in_call("nc-ann", 3)
        scene.silent += time.monotonic() - away
        await asyncio.sleep(1.5)


async def dead_engine(scene: Scene) -> None:
    """The recogniser fails for half a minute."""
    scene.engine.dead = True
    await asyncio.sleep(30)
    scene.engine.dead = False


async def nextcloud_down(scene: Scene) -> None:
    """Nextcloud answers nothing for a minute."""
    scene.stack.nextcloud.down = True
    await asyncio.sleep(60)
    scene.stack.nextcloud.down = False


async def wrong_secret(scene: Scene) -> None:
    """Another of ours tries with a wrong secret, which must not lock us out."""
    async with Media() as media:
        wrong = Server(scene.stack.url, scene.stack.nextcloud.base_url, "wrong")
        try:
            await Talk(wrong, media).connect(ROOM).run(FakeListener())
        except Unwelcome:
            scene.proxy.cut()  # we have to be let in again
            return
    raise AssertionError("a wrong secret was taken")


async def clock_jump(scene: Scene) -> None:
    """The clock of the machine jumps an hour ahead, then two back."""
    real = time.time
    try:
        for jump in (3600, -3600):
            time.time = partial(lambda by: real() + by, jump)
            await asyncio.sleep(3)
    finally:
        time.time = real


FAULTS: dict[str, tuple[Callable[[Scene], Awaitable[None]], float]] = {
    "cut": (cut, 2),
    "long_cut": (long_cut, 60),
    "hpb_restart": (hpb_restart, 15),
    "janus_restart": (janus_restart, 15),
    "comings_and_goings": (comings_and_goings, 60),
    "dead_engine": (dead_engine, 60),
    "nextcloud_down": (nextcloud_down, 2),
    "wrong_secret": (wrong_secret, 2),
    "clock_jump": (clock_jump, 2),
}
"""What is done, and how many seconds of captions may be lost."""


@asynccontextmanager
async def scene(stack: HpbStack, proxy: Proxy) -> AsyncIterator[Scene]:
    """Have somebody speak and somebody read."""
    engine, read = Counting(), Counted()
    stt = choose(Policy.parse("counting"), Members(lambda name: engine))
    enter = partial(stack.nextcloud.set_in_call, "nc-ann", 3)
    voice = Voice(lambda: stack.user("ann", ROOM), enter, tone())
    async with (
        stt,
        Media() as media,
        captioned(stack, stt, url=proxy.url) as place,
        watch(stack.user("bob", ROOM)) as (bob,),
        asyncio.TaskGroup() as tasks,
    ):

        async def reads() -> None:
            async for event in bob.hpb:
                if isinstance(event, Message) and event.type == "transcript":
                    read.take(event.data)

        running = [tasks.create_task(voice.run(media)), tasks.create_task(reads())]
        await place.captions.read(ROOM, "nc-bob")
        try:
            yield Scene(stack, proxy, place, engine, voice, read)
        finally:
            for task in running:
                task.cancel()


async def torment(name: str, generation: str = NEWEST) -> Row:
    """Let one thing break in a call of its own."""
    act, _ = FAULTS[name]
    async with (
        talking(generation) as stack,
        Proxy(stack.port) as proxy,
        scene(stack, proxy) as call,
    ):
        if not await call.goes_on():
            raise RuntimeError(f"{name}: no captions even before")
        began, before = time.monotonic(), call.read.seconds
        await act(call)
        recovered = await call.goes_on()
        await call.caught_up()
        spoken = call.read.last - began - call.silent
        lost = spoken - (call.read.seconds - before)
        return Row(name, recovered, max(0.0, lost), call.read.repeated)


def tone() -> Clip:
    """Return ten seconds of a sound that is never silent."""
    at = np.arange(10 * RATE, dtype=np.float32) / RATE
    return Clip.of((0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32))


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS))
    args = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    rows = []
    for name in args.only:
        rows.append(asyncio.run(torment(name)))
        row = rows[-1]
        said = "captions went on" if row.recovered else "NO CAPTIONS ANY MORE"
        print(f"{name:20} {row.seconds_lost:6.1f} s lost  {said}", file=sys.stderr)
    figures: dict[str, float] = {f"seconds_lost_{row.fault}": row.seconds_lost for row in rows}
    figures |= {
        "unrecovered": sum(not row.recovered for row in rows),
        "seconds_lost_max": max(row.seconds_lost for row in rows),
        "captions_repeated": sum(row.repeated for row in rows),
    }
    bars = [Bar("unrecovered", figures["unrecovered"], "==", 0)]
    bars += [
        Bar(f"seconds_lost_{one.fault}", one.seconds_lost, "<=", FAULTS[one.fault][1])
        for one in rows
    ]
    return finish("talk-faults", figures, bars, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
