"""
Many speakers at once against a running service, in either protocol.

Every stream sends blocks of 80 ms, in real time each at a phase of its own, and measures how long
the service takes from a block's last sample to what it has to say about it: the frame's progress
message, or with `--loopback` the word that ends there. `lost` counts what never came.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import resource
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import numpy as np

from modal_app import loopback, protocol
from modal_app.decode import read_file
from modal_app.protocol import (
    FRAME,
    RATE,
    SECONDS,
    End,
    Error,
    Finish,
    Flushed,
    Malformed,
    Marker,
    Message,
    Ready,
    Samples,
    Step,
    Word,
    WordEnded,
)

__all__ = ["Plan", "Tally", "drive", "options", "run"]

PATIENCE = 30.0
"""Seconds for a service to answer, and to finish once everything was sent."""
WORD = "word"
"""What the loopback engine is made to say, over and over."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done."""

    url: str
    streams: int = 1
    seconds: float = 10.0
    protocol: str = "v1"
    realtime: bool = True
    loopback: bool = False
    speech: Path | None = None
    token: str = ""
    ramp: float = 2.0
    """Seconds over which the streams begin."""

    def audio(self) -> Samples:
        """Give what every stream says."""
        count = round(self.seconds / SECONDS)
        if self.loopback:
            return np.resize(loopback.say(WORD), count * FRAME)
        if self.speech:
            heard = np.concatenate(list(read_file(self.speech)))
            return np.resize(heard, count * FRAME)
        rng = np.random.default_rng(0)
        return rng.standard_normal(count * FRAME, np.float32) * np.float32(0.1)


@dataclass(slots=True)
class Tally:
    """What all streams together have seen."""

    frames: int = 0
    answered: int = 0
    expected: int = 0
    words: int = 0
    connected: int = 0
    refused: int = 0
    failed: int = 0
    delays: list[float] = field(default_factory=list)
    connects: list[float] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """Give the sums and quantiles."""
        return {
            "connected": self.connected,
            "refused": self.refused,
            "failed": self.failed,
            "frames": self.frames,
            "words": self.words,
            "lost": self.expected - self.answered,
            "added_ms_p50": _quantile(self.delays, 0.5),
            "added_ms_p99": _quantile(self.delays, 0.99),
            "connect_ms_p99": _quantile(self.connects, 0.99),
        }


def _quantile(seconds: list[float], share: float) -> float:
    return round(float(np.quantile(seconds, share)) * 1000, 3) if seconds else 0.0


async def drive(plan: Plan) -> Tally:
    """Run all streams to their end."""
    tally, audio = Tally(), plan.audio()
    headers = {"Authorization": f"Bearer {plan.token}"} if plan.token else {}
    blocks = [audio[begin : begin + FRAME] for begin in range(0, len(audio), FRAME)]
    packed = [protocol.pack_audio(b) if plan.protocol == "moshi" else b.tobytes() for b in blocks]
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(connector=connector, headers=headers) as http,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(plan.streams):
            tasks.create_task(_Client(plan, tally, packed).run(http, random.random() * plan.ramp))
    return tally


class _Client:
    """One stream."""

    def __init__(self, plan: Plan, tally: Tally, blocks: list[bytes]) -> None:
        self._plan = plan
        self._tally = tally
        self._blocks = blocks
        self._sent: list[float] = []
        self._heard = 0

    async def run(self, http: aiohttp.ClientSession, delay: float) -> None:
        await asyncio.sleep(delay)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE):
                socket = await http.ws_connect(self._url(), compress=0, max_msg_size=1 << 22)
        except (aiohttp.ClientError, TimeoutError, OSError):
            self._tally.failed += 1
            return
        async with socket:
            messages = self._messages(socket)
            if not isinstance(await anext(messages, None), Ready):
                self._tally.refused += 1
                return
            self._tally.connected += 1
            self._tally.connects.append(time.perf_counter() - began)
            sending = asyncio.create_task(self._send(socket))
            await self._listen(messages, self._plan.seconds + PATIENCE)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        self._count()

    def _url(self) -> str:
        if self._plan.protocol == "moshi":
            return f"{self._plan.url}/api/asr-streaming"
        return f"{self._plan.url}/v1/stream" + ("" if self._plan.loopback else "?steps=1")

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        due = time.perf_counter()
        for block in self._blocks:
            if self._plan.realtime:
                await asyncio.sleep(due - time.perf_counter())
                due += SECONDS
            self._sent.append(time.perf_counter())
            await socket.send_bytes(block)
        if self._plan.protocol == "moshi":
            await socket.send_bytes(protocol.pack_request(Marker(1)))
        else:
            await socket.send_str(protocol.encode_command(Finish()))

    async def _messages(
        self, socket: aiohttp.ClientWebSocketResponse
    ) -> AsyncIterator[Message | WordEnded]:
        async for message in socket:
            try:
                if message.type is aiohttp.WSMsgType.TEXT:
                    yield protocol.decode(message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    yield protocol.decode_moshi(message.data)
            except Malformed:
                self._tally.failed += 1

    async def _listen(self, messages: AsyncIterator[Message | WordEnded], patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                async for message in messages:
                    self._take(message, time.perf_counter())
                    if isinstance(message, (End, Flushed, Error)):
                        return self._over(message)
        except TimeoutError:
            self._tally.failed += 1

    def _take(self, message: Message | WordEnded, now: float) -> None:
        if isinstance(message, Word):
            self._tally.words += 1
            if self._plan.loopback:
                self._heard += len(WORD) + 2
                self._note(self._heard, now)
        elif isinstance(message, Step) and not self._plan.loopback:
            self._heard = message.index
            self._note(message.index, now)

    def _note(self, frame: int, now: float) -> None:
        """The answer to this frame, the first being 1, is here; flushed silence has none."""
        if frame <= len(self._sent):
            self._tally.answered += 1
            self._tally.delays.append(now - self._sent[frame - 1])

    def _over(self, message: End | Flushed | Error) -> None:
        reason = "ended"
        if not isinstance(message, Flushed):
            reason = message.reason if isinstance(message, End) else message.message
        self._tally.reasons[reason] = self._tally.reasons.get(reason, 0) + 1

    def _count(self) -> None:
        frames = len(self._sent)
        self._tally.frames += frames
        self._tally.expected += frames // (len(WORD) + 2) if self._plan.loopback else frames


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="http or https")
    parser.add_argument("--protocol", choices=("v1", "moshi"), default="v1")
    parser.add_argument("--streams", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--realtime", action="store_true", help="not as fast as it goes")
    parser.add_argument("--loopback", action="store_true", help="the service runs that engine")
    parser.add_argument("--speech", type=Path, help="a sound file to say; else noise")
    parser.add_argument("--token", default="", help="bearer token")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")


def run(given: argparse.Namespace) -> int:
    """Do it and print the figures; 1 when something was lost or failed."""
    plan = Plan(
        url=given.url,
        streams=given.streams,
        seconds=given.seconds,
        protocol=given.protocol,
        realtime=given.realtime,
        loopback=given.loopback,
        speech=given.speech,
        token=given.token,
    )
    began = time.perf_counter()
    tally = asyncio.run(drive(plan))
    took = time.perf_counter() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures = tally.figures() | {
        "seconds": round(took, 3),
        "audio_per_second": round(tally.frames * FRAME / RATE / took, 3),
        "own_cpu_cores": round((usage.ru_utime + usage.ru_stime) / took, 3),
    }
    if given.json:
        result = {"bench": "load", "figures": figures, "reasons": tally.reasons, "bars": []}
        print(json.dumps(result))
    else:
        for name, value in itertools.chain(figures.items(), tally.reasons.items()):
            print(f"  {name:24} {value:14,.3f}")
    return int(bool(figures["lost"] or tally.failed or not tally.connected))
