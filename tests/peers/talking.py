"""Somebody who talks with a dialog in a room: speaks, presses keys, and hears when it is silent."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from tests.peers import until
from tests.peers.rtc import Heard
from tests.peers.service import ready, service
from tests.peers.speech import blocks
from tests.peers.visitor import KEYS, LEVEL, Message, Visitor, visiting
from transcriber.audio.block import RATE, Samples
from transcriber.rtc import Media, rtp
from transcriber.rtc.buffer import Buffer

__all__ = [
    "ADMIN",
    "WORD",
    "Caller",
    "Utterance",
    "calling",
    "house",
    "onsets",
    "start",
    "utterance",
]

ADMIN = {"Authorization": "Bearer s3cret"}
LOUD = 0.01
"""What a sample must exceed to be a sound."""
WORD = 0.05
"""What a sample must exceed to be of a word: a breath before the first one is quieter."""
PACKET = RATE // 50
"""Samples that come at a time."""
BEFORE, AFTER = 0.5, 10.0
"""Seconds of silence that a microphone sends around an utterance."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something to say, with the silence around it; where the speech in it is, in seconds."""

    samples: Samples
    begins: float
    ends: float
    speaks: float
    """Where the first word is: some take a breath before."""


def utterance(start: float, end: float) -> Utterance:
    """Cut something out of the sample."""
    speech = np.concatenate(blocks(start, end))
    loud = np.flatnonzero(np.abs(speech) > LOUD)
    quiet = [np.zeros(round(seconds * RATE), np.float32) for seconds in (BEFORE, AFTER)]
    samples = np.concatenate([quiet[0], speech, quiet[1]])
    places = (loud[0], loud[-1], np.argmax(np.abs(speech) > WORD))
    begins, ends, speaks = (BEFORE + float(place) / RATE for place in places)
    return Utterance(samples, begins, ends, speaks)


def onsets(heard: Heard, least: float = LOUD) -> list[float]:
    """When the first sound came of each block that has some, as loud as that."""
    found = []
    for at, block in zip(heard.at, heard.blocks, strict=True):
        if len(loud := np.flatnonzero(np.abs(block) > least)):
            found.append(at - (len(block) - 1 - int(loud[0])) // PACKET * PACKET / RATE)
    return found


@dataclass
class Caller:
    """A visitor in the room of a dialog; times are of `time.monotonic`."""

    visitor: Visitor
    dialog: str
    track: str
    """What they send."""
    said: float = 0.0
    happened: list[tuple[float, Message]] = field(default_factory=list)
    following: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def loud(self) -> list[float]:
        """When the first sound of each block with sound came from the dialog."""
        return [one for heard in self.visitor.heard.values() for one in onsets(heard)]

    def say(self, what: Utterance) -> None:
        """Say something after all that was said."""
        self.visitor.sender.stop()
        self.said = time.monotonic() - PACKET / RATE  # from a microphone it would come that late
        self.visitor.sender.play(what.samples)

    async def press(self, key: str) -> None:
        """Press a key of a telephone (RFC 4733), and wait as long as fingers do at least."""
        link = self.visitor.publisher.link
        assert link
        sender, buffer = self.visitor.sender, Buffer()
        timestamp = sender._timestamp + 960
        for number, (duration, over) in enumerate([(160, 0), (320, 0), (480, 1), (480, 1)]):
            sender._sequence = (sender._sequence + 1) & 0xFFFF
            size = rtp.write_header(
                buffer.data, KEYS.payload_type, sender._sequence, timestamp & 0xFFFF_FFFF,
                source=sender.source, marker=number == 0, level=(LEVEL, 127),
            )  # fmt: skip
            event = bytes([rtp.KEYS.index(key), over << 7 | 10, *duration.to_bytes(2, "big")])
            buffer.view[size : size + 4] = event
            link.send(buffer, size + 4)
        await asyncio.sleep(0.1)

    def told(self, kind: str) -> list[Message]:
        """The data of what has happened in the dialog."""
        return [event["data"] for _, event in self.happened if event["type"] == kind]

    async def state(self, name: str, *, seconds: float = 30.0) -> None:
        """Wait until the dialog is in a state."""

        def there() -> bool:
            moved = self.told("state.transition")
            return bool(moved) and moved[-1]["to_state"] == name

        await until(there, seconds=seconds)

    async def follow(self, http: aiohttp.ClientSession) -> None:
        """Note what happens in the dialog, until it is over."""
        path = f"/api/v1/dialogs/sessions/{self.dialog}/ws"
        async with http.ws_connect(path, headers=ADMIN) as socket:
            async for frame in socket:
                message: dict[str, Any] = frame.json()
                self.following.set()
                if message["type"] == "happened":
                    self.happened.append((time.monotonic(), message["event"]))


@contextlib.asynccontextmanager
async def house(
    folder: Path, flow: str, *, ask: signal.Signals = signal.SIGTERM, **env: str
) -> AsyncIterator[aiohttp.ClientSession]:
    """The service with a flow, its data in a folder; yields a client once it is ready."""
    (folder / "flows").mkdir(exist_ok=True)
    (folder / "flows" / "flow.yaml").write_text(flow)
    ours = {"DATA_DIR": str(folder / "data"), "DIALOG_DIR": str(folder / "flows"), "WORKERS": "0"}
    async with service(ask=ask, env={**ours, **env}) as (http, _):
        await ready(http)
        yield http


async def start(http: aiohttp.ClientSession, dialog: str) -> tuple[str, str]:
    """Make a room with a dialog; returns the ids of both."""
    async with http.post("/api/v1/rooms", json={}, headers=ADMIN) as answer:
        room = (await answer.json())["id"]
    wish = {"dialog": dialog}
    path = f"/api/v1/rooms/{room}/dialogs"
    async with http.post(path, json=wish, headers=ADMIN) as answer:
        assert answer.status == 201, await answer.text()
        return room, (await answer.json())["id"]


@contextlib.asynccontextmanager
async def calling(
    http: aiohttp.ClientSession, media: Media, room: str, dialog: str, *, name: str = "Ann"
) -> AsyncIterator[Caller]:
    """Be in the room, with a microphone."""
    wish = {"grants": ["join", "publish", "subscribe"]}
    async with http.post(f"/api/v1/rooms/{room}/tokens", json=wish, headers=ADMIN) as answer:
        token = (await answer.json())["token"]
    async with visiting(http, media, room) as visitor:
        await visitor.join(token, name=name)
        caller = Caller(visitor, dialog, await visitor.publish())
        following = asyncio.create_task(caller.follow(http))
        try:
            await asyncio.wait_for(caller.following.wait(), 60)
            yield caller
        finally:
            following.cancel()
            await asyncio.wait([following])
