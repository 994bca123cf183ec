"""
What a room costs where many talk at once, ours beside aiortc's `MediaRelay`.

    python -m tests.load.sfu --participants 60 --talking 60 --json

The room is a service of its own, in one process, whose CPU time is counted and nothing else; the
participants are here, over real ICE, DTLS and SRTP. What arrives at everybody's socket is counted,
and `LOOKING` of them decrypt what they get: how old is each packet when it comes? A `forward` is
one packet of one speaker for one listener. Where more than `--voices` talk, the loudest are passed
on: `passed_on` is how many of their packets the room sends (more than 1 while voices change), which
the packets' numbers tell, and `delivered` is the share of those that arrives. Of aiortc's room
there are few participants, because it decodes and encodes everything for everybody. Bars about
delay and delivery hold where the machine has time for both sides. All is in a network of its own,
which only root may make.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import structlog

from tests.load import report
from tests.load.kernel import arrived, count_media
from tests.load.speech import packets, speech
from tests.network import own_network
from tests.peers import until
from tests.peers.service import service
from tests.peers.visitor import LEVEL, OPUS, Visitor
from transcriber.rtc import Media, rtp, sdp
from transcriber.rtc.buffer import Buffer

LOOKING = 4
"""Participants who look at what they get."""
PARALLEL = 6
"""Participants who do the same at the same time."""
PATIENCE = 300.0
"""Seconds until everybody gets what everybody sends."""
WARM = 2.0
SETTLE = 0.5
"""Seconds before and after what is counted."""
STEP = 0.02
TICKS = 960
AWAKE = 0.002
"""Seconds that are too short to sleep."""
ENV = {"WORKERS": "0", "MAX_PARTICIPANTS_PER_ROOM": "1000", "MAX_PUBLISHERS_PER_ROOM": "1000"}
ADMIN = {"Authorization": "Bearer s3cret"}
CLOCK = os.sysconf("SC_CLK_TCK")

Figures = dict[str, float]


class Participant(Visitor):
    """Somebody who sends packets that were encoded before, and counts those that come."""

    def __init__(self, media: Media, door: aiohttp.ClientWebSocketResponse) -> None:
        super().__init__(media, door)
        self.track = ""
        self.said: dict[bytes, float] = {}
        """When each payload was sent last."""
        self.others: Mapping[str, Participant] = {}
        """Who sends a track."""
        self.gets: dict[int, str] = {}
        """The track of each source."""
        self.numbers: dict[str, tuple[int, int]] = {}
        """The first and the last number of what came of each track, since it was looked at."""
        self.received = self.sent = 0
        self.delays: list[float] = []
        self._counting: list[socket.socket] = []

    async def publish(self) -> str:
        self.track = await super().publish()
        return self.track

    def speak(self, payload: bytes, now: float) -> None:
        """Send one packet."""
        buffer, link = self.media.out, self.publisher.link
        self.sent += 1
        start = rtp.write_header(
            buffer.data, OPUS.payload_type, self.sent & 0xFFFF, self.sent * TICKS,
            source=self.sender.source, level=(LEVEL, 20),
        )  # fmt: skip
        buffer.view[start : start + len(payload)] = payload
        self.said[payload] = now
        if link is not None:
            link.send(buffer, start + len(payload))

    def count(self) -> None:
        """From now on do not look any more, but count."""
        link = self.subscriber.link
        assert link is not None
        self._counting = list(link._sockets)
        for sock in self._counting:
            count_media(sock)

    def counts(self) -> tuple[int, int]:
        """Return how many packets were sent, and how many came."""
        return self.sent, self.received + sum(map(arrived, self._counting))

    def _receive(self, theirs: sdp.Description, tracks: Mapping[str, str]) -> None:
        """Learn what comes; nothing is decoded."""
        self.gets = {s.sources[0]: tracks[s.mid] for s in theirs.sections if s.mid in tracks}

    def _media(self, buffer: Buffer, size: int, now: float) -> None:
        self.received += 1
        header = rtp.parse(buffer.data, size)
        track = self.gets.get(header[3], "") if header else ""
        speaker = self.others.get(track)
        if header and speaker:
            first, last = self.numbers.get(track, (header[1], header[1] - 1))
            ahead = rtp.signed16(header[1] - last)
            self.numbers[track] = first, last + max(0, ahead)
            said = speaker.said.get(bytes(buffer.view[header[4] : header[5]]))
            if said is not None:
                self.delays.append(asyncio.get_running_loop().time() - said)


@asynccontextmanager
async def stock(participants: int) -> AsyncIterator[aiohttp.ClientSession]:
    """Have a room of aiortc's."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.load.sfu_stock", str(participants)), stdin=pipe, stdout=pipe
    )
    assert process.stdin
    assert process.stdout
    try:
        url = json.loads(await process.stdout.readline())["url"]
        async with aiohttp.ClientSession(url) as http:
            yield http
    finally:
        process.stdin.close()
        async with asyncio.timeout(20):
            await process.wait()


async def people(
    stack: AsyncExitStack, http: aiohttp.ClientSession, media: Media, room: str, many: int
) -> list[Participant]:
    """Have people at the door of a room."""
    path = f"/api/v1/rooms/{room}/ws"
    sockets = [await stack.enter_async_context(http.ws_connect(path)) for _ in range(many)]
    return [await stack.enter_async_context(Participant(media, socket)) for socket in sockets]


async def gather(here: Sequence[Participant], token: str) -> None:
    """Let everybody in, have everybody send, and wait until everybody gets it all."""
    await _some(here, lambda who: who.join(token))
    await _some(here, lambda who: who.publish())
    speakers = {who.track: who for who in here}
    enough = len(here) - 1
    await until(
        lambda: all(who.subscriber.link and len(who.gets) == enough for who in here),
        seconds=PATIENCE,
    )
    for place, who in enumerate(here):
        who.others = speakers
        if place >= LOOKING:
            who.count()


async def _some(
    here: Sequence[Participant], do: Callable[[Participant], Awaitable[object]]
) -> None:
    door = asyncio.Semaphore(PARALLEL)

    async def one(who: Participant) -> None:
        async with door:
            await do(who)

    await asyncio.gather(*map(one, here))


async def talk(here: Sequence[Participant], seconds: float) -> None:
    """Have people send a packet every 20 ms each, one after the other."""
    loop, said = asyncio.get_running_loop(), packets(speech(), complexity=1)
    began, pause = loop.time(), STEP / len(here)
    for number in range(math.ceil(seconds / STEP)):
        for place, who in enumerate(here):
            early = began + number * STEP + place * pause - loop.time()
            if early > AWAKE:
                await asyncio.sleep(early)
            who.speak(said[(number + 7 * place) % len(said)], loop.time())
        await asyncio.sleep(0)


async def measure(
    http: aiohttp.ClientSession,
    room: str,
    token: str,
    *,
    many: int,
    talking: int,
    voices: int,
    seconds: float,
) -> Figures:
    """Have people talk, and say what that cost the one process that we started."""
    async with Media() as media, AsyncExitStack() as stack:
        here = await people(stack, http, media, room, many)
        began = asyncio.get_running_loop().time()
        await gather(here, token)
        joined = asyncio.get_running_loop().time() - began
        await talk(here[:talking], WARM)
        await asyncio.sleep(SETTLE)
        for who in here:
            who.delays.clear()
            who.numbers.clear()
        before, spent = _counts(here), cpu()
        await talk(here[:talking], seconds)
        await asyncio.sleep(SETTLE)
        spent = cpu() - spent
        sent, received = (now - then for now, then in zip(_counts(here), before, strict=True))
    passed = _passed(here)
    delays = sorted(delay for who in here for delay in who.delays) or [math.nan]
    return {
        "cpu_us_per_forward": 1e6 * spent / max(1, received),
        "cpu_share": spent / (seconds + SETTLE),
        "forwards": received,
        "voices": voices,
        "passed_on": passed / (sent * voices / talking),
        "delivered": received / max(1, passed * (many - 1)),
        "added_ms_p50": 1000 * delays[len(delays) // 2],
        "added_ms_p99": 1000 * delays[int(len(delays) * 0.99)],
        "joined_s": joined,
    }


def _passed(here: Sequence[Participant]) -> int:
    """Return how many packets were passed on to everybody else, by those who looked."""
    most: dict[str, int] = {}
    for who in here:
        for track, (first, last) in who.numbers.items():
            most[track] = max(most.get(track, 0), last + 1 - first)
    return sum(most.values())


def _counts(here: Sequence[Participant]) -> tuple[int, int]:
    sent, received = zip(*(who.counts() for who in here), strict=True)
    return sum(sent), sum(received)


def cpu() -> float:
    """Return the CPU seconds of the processes that we started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    stats = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2] for child in children]
    return sum(int(part) for stat in stats for part in stat.split()[11:13]) / CLOCK


async def run(many: int, talking: int, most: int, seconds: float, stock_many: int) -> Figures:
    """Measure our room and aiortc's."""
    voices = min(most or talking, talking)
    async with service(env=ENV | {"MAX_VOICES_PER_ROOM": str(most)}) as (http, _):
        async with http.post("/api/v1/rooms", json={}, headers=ADMIN) as answer:
            room = (await answer.json())["id"]
        path = f"/api/v1/rooms/{room}/tokens"
        async with http.post(path, json={}, headers=ADMIN) as answer:
            token = (await answer.json())["token"]
        figures = await measure(
            http, room, token, many=many, talking=talking, voices=voices, seconds=seconds
        )
    if stock_many:
        async with stock(stock_many) as http:
            found = await measure(
                http, "stock", "", many=stock_many, talking=stock_many, voices=stock_many,
                seconds=seconds,
            )  # fmt: skip
        cost = found["cpu_us_per_forward"]
        figures["stock_cpu_us_per_forward"], figures["stock_delivered"] = cost, found["delivered"]
        figures["ratio_stock"] = cost / figures["cpu_us_per_forward"]
    return figures


def main() -> int:
    options = report.parser(__doc__ or "")
    options.add_argument("--participants", type=int, default=20)
    options.add_argument("--talking", type=int, default=0, help="how many speak; 0: all")
    options.add_argument("--voices", type=int, default=20, help="heard at once; 0: all")
    options.add_argument("--seconds", type=float, default=10.0, help="of speech")
    options.add_argument("--stock", type=int, default=5, help="people in aiortc's room; 0: none")
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    many, talking = given.participants, given.talking or given.participants
    with own_network():
        figures = asyncio.run(
            run(many, min(talking, many), given.voices, given.seconds, given.stock)
        )
    bars = [report.Bar(name, figures[name], ">=", 0.99) for name in ("passed_on", "delivered")]
    if given.stock:
        bars.append(report.Bar("ratio_stock", figures["ratio_stock"], ">=", 50))
    return report.finish("sfu", figures, bars, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
