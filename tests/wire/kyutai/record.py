"""
Record Kyutai's token streams from our own GPU service, which hears what it is told.

  python -m tests.wire.kyutai.record

The texts are in the public domain (Austen, Dickens, Carroll, Melville). Letters last one step of
80 ms each, as long as in real speech; words come half a second after they were said.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import string
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
import msgpack
import numpy as np

from modal_app import protocol
from modal_app.auth import Access
from modal_app.hub import Hub, Model
from modal_app.loopback import ANNOUNCE, FIRST, Loopback
from modal_app.server import Site, serve
from modal_app.speech import PAD, Rules
from tests.ports import free_port
from tests.wire.kyutai import FOLDER, Line
from transcriber.audio.block import SAMPLES, Block

LETTERS = string.ascii_letters + string.digits + string.punctuation
LATE = 7
"""Blocks between a word and its being told: half a second."""
PAUSE = 15
"""Blocks of silence behind a sentence."""
QUIET = 0.05
"""Seconds without a message after which nothing more comes of a block."""

TEXTS = {
    "austen": "And Mr. John Dashwood had then leisure to consider how much there might be prudently"
    " in his power to do for them.|He was not an ill-disposed young man.|"
    "Had he married a more amiable woman, he might have been made still more respectable.",
    "dickens": "It was the best of times, it was the worst of times, it was the age of wisdom, it"
    " was the age of foolishness.|It was the epoch of belief, it was the epoch of incredulity.",
    "carroll": "Alice was beginning to get very tired of sitting by her sister on the bank, and of"
    " having nothing to do.|Once or twice she had peeped into the book her sister was reading.",
    "melville": "Call me Ishmael.|Some years ago, never mind how long precisely, having little or"
    " no money in my purse, I thought I would sail about a little and see the watery part of the"
    " world.",
}
MISHEARD = {
    "dickens": ("epoch of belief", "epic of belief"),
    "melville": ("never mind how long", "never mined how long"),
}
"""What the first connection hears otherwise than the second, which hears it in whole."""
BREAK = {"dickens": "incredulity", "melville": "purse"}
"""The word in which the first connection ends."""


def frames(words: str) -> list[Block]:
    """The blocks in which words are said, and the silence behind them."""
    tokens = [
        token
        for word in words.split()
        for token in (ANNOUNCE, *(FIRST + LETTERS.index(letter) for letter in word))
    ]
    return [_frame(token, 0.1) for token in [*tokens, PAD]] + [_frame(PAD, 0.9)] * PAUSE


def _frame(token: int, pause: float) -> Block:
    frame = np.zeros(SAMPLES, np.float32)
    frame[0], frame[1] = token / -1000, pause
    return frame


def decode(pieces: list[int]) -> str:
    return "".join(LETTERS[(piece - FIRST) % len(LETTERS)] for piece in pieces)


@dataclass(frozen=True, slots=True)
class Protocol:
    """How audio is sent and answers are read."""

    name: str
    path: str
    pack: Callable[[Block], bytes]
    read: Callable[[Any], dict[str, Any]]


PROTOCOLS = (
    Protocol("v1", "/v1/stream", lambda block: block.tobytes(), json.loads),
    Protocol("moshi", "/api/asr-streaming", protocol.pack_audio, msgpack.unpackb),
)


async def record(
    http: aiohttp.ClientSession,
    url: str,
    speaks: Protocol,
    blocks: Sequence[Block],
    connection: int,
) -> list[Line]:
    """What comes on one connection."""
    lines = []
    async with http.ws_connect(f"{url}{speaks.path}") as socket:
        for number, block in enumerate([_frame(PAD, 0.1)] * LATE + list(blocks), 1):
            await socket.send_bytes(speaks.pack(block))
            with contextlib.suppress(TimeoutError):
                while True:
                    message = speaks.read((await socket.receive(QUIET)).data)
                    lines.append(Line(connection, number, _short(message)))
    return lines


def _short(message: dict[str, Any]) -> dict[str, Any]:
    scores = [round(score, 3) for score in message.get("prs", ())]
    return message | ({"prs": scores} if scores else {})


def broken(name: str) -> tuple[list[Block], int]:
    """What the first connection hears, and where in it the utterance begins that it ends in."""
    right, wrong = MISHEARD[name]
    first = TEXTS[name].replace(right, wrong).partition(BREAK[name])[0] + BREAK[name][:-2]
    *before, last = first.split("|")
    heard = [frame for sentence in before for frame in frames(sentence)]
    return heard + frames(last)[: -PAUSE - 1], len(heard)


async def main() -> None:
    model = Model("loopback", Loopback(2), decode, Rules(warm_up=0))
    site = Site("127.0.0.1", free_port(), Access(), 1.0, 0.0)
    hub = Hub(lambda: model)
    async with serve(hub, site), aiohttp.ClientSession() as http:
        while hub.state == "loading":  # noqa: ASYNC110 - what a client would do
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{site.port}"
        for name, speaks in itertools.product(TEXTS, PROTOCOLS):
            await take(http, url, speaks, name)


async def take(http: aiohttp.ClientSession, url: str, speaks: Protocol, name: str) -> None:
    whole = [frame for sentence in TEXTS[name].split("|") for frame in frames(sentence)]
    lines = list[Line]()
    if name in BREAK:
        first, since = broken(name)
        lines += await record(http, url, speaks, first, 1)
        lines.append(Line(1, LATE + len(first)))
        lines += await record(http, url, speaks, whole[since:], 2)
    else:
        lines += await record(http, url, speaks, whole, 1)
    head = {"protocol": speaks.name, "blocks": LATE + len(whole)}
    rows = [head, *(asdict(line) for line in lines)]
    text = "\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (FOLDER / f"{speaks.name}-{name}.jsonl").write_text(f"{text}\n")


if __name__ == "__main__":
    asyncio.run(main())
