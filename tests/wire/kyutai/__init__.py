"""
Token streams as Kyutai's protocols give them: word by word, with the times of their steps.

`record.py` made them with our GPU service (everything of it but the model) on `/v1/stream` and on
`/api/asr-streaming`. In some the connection breaks in a sentence; the next one hears it again from
its beginning, and some of its words otherwise: that is the only way in which these protocols take
anything back. The first line of a file says which protocol it is, each other line on which
connection and after how many blocks of audio a message came; a line without a message is the break.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack

from tests.fakes.stt import FakeOptions, FakeStt
from transcriber.audio.block import Block
from transcriber.engines.stt.base import EngineInfo, Heard, StreamOptions
from transcriber.engines.stt.kyutai import Kyutai, Moshi, OwnService
from transcriber.errors import EngineError

__all__ = ["FOLDER", "NAMES", "Line", "Played", "Recording", "recording"]

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@dataclass(frozen=True, slots=True)
class Line:
    """What came on a connection after so many blocks; no message: it broke."""

    connection: int
    after: int
    message: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """One conversation, over as many connections as it took."""

    protocol: str
    blocks: int
    lines: Sequence[Line]


def recording(name: str) -> Recording:
    head, *lines = (FOLDER / f"{name}.jsonl").read_text().splitlines()
    return Recording(**json.loads(head), lines=[Line(**json.loads(line)) for line in lines])


class Played(FakeStt):
    """A recogniser that says what was recorded, when it has heard as much as then."""

    info: EngineInfo = Kyutai.info

    def __init__(self, recorded: Recording) -> None:
        super().__init__(FakeOptions())
        self._recorded = recorded
        self._connections = 0

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[PlayedStream]:  # type: ignore[override]
        self._connections += 1
        lines = [line for line in self._recorded.lines if line.connection == self._connections]
        speaks = Moshi if self._recorded.protocol == "moshi" else OwnService
        yield PlayedStream(lines, speaks(options))


class PlayedStream:
    """One connection of a recording, through the dialect that understands it."""

    dropped = 0

    def __init__(self, lines: Sequence[Line], dialect: Moshi | OwnService) -> None:
        self._lines = lines
        self._dialect = dialect
        self._heard = 0
        self._more = asyncio.Event()
        self._closed = False

    def push(self, block: Block) -> None:
        list(self._dialect.audio(block))
        self._heard += 1
        self._more.set()

    async def ready(self) -> None:
        await asyncio.sleep(0)

    def flush(self) -> None: ...

    def close(self) -> None:
        self._closed = True
        self._more.set()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        for line in self._lines:
            await self._until(line.after)
            if line.message is None:
                raise EngineError("network", "the connection was closed (code 1006)")
            for heard in self._dialect.heard(self._encoded(line.message)):
                yield heard
        await self._until(math.inf)
        for heard in self._dialect.rest():
            yield heard

    async def _until(self, heard: float) -> None:
        """Wait until so much was heard, or there will be no more."""
        while self._heard < heard and not self._closed:
            self._more.clear()
            await self._more.wait()

    def _encoded(self, message: dict[str, Any]) -> str | bytes:
        if isinstance(self._dialect, OwnService):
            return json.dumps(message)
        packed: bytes = msgpack.packb(message)
        return packed
