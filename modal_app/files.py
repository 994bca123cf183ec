"""
Whole files: `POST /v1/audio/transcriptions` as OpenAI has it, `POST /api/asr-streaming` as Kyutai.

A file takes a slot like a speaker does and goes through it as fast as the engine can; when all are
taken it waits its turn. The upload lies on disk, never in memory.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from aiohttp import BodyPartReader, MultipartReader, web

from modal_app.batcher import Busy
from modal_app.decode import Undecodable, read_file
from modal_app.hub import Hub, Line
from modal_app.problem import problem
from modal_app.protocol import RATE, End, Word
from modal_app.subtitles import FORMATS, render

__all__ = ["Uploads", "kyutai", "openai"]

LARGEST = 256 << 20
"""Bytes of the largest file: four hours of ordinary MP3."""
AT_ONCE = 8
"""Files taken in at the same time; more wait, so that the disk does not fill up."""
PATIENCE = 100.0
"""Seconds a file waits for a slot; Kyutai's server waits as long."""
SLOW = 30.0
"""Seconds without a byte after which an upload is given up."""
FIELD = 4_096
"""Bytes of a form field that are read; what is longer is cut."""
PIECE = 1 << 16
"""Bytes of a file that are read at a time."""

Spool = IO[bytes]


class TooLarge(Exception):
    """The upload is larger than allowed."""


@dataclass(slots=True)
class Uploads:
    """The door for files."""

    hub: Hub
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))


@dataclass(slots=True)
class Transcript:
    """What was heard in a file of `duration` seconds."""

    words: list[Word] = field(default_factory=list)
    duration: float = 0.0
    reason: str = ""


async def openai(request: web.Request, uploads: Uploads) -> web.StreamResponse:
    """Serve `POST /v1/audio/transcriptions`: multipart with `file` and `response_format`."""
    if not request.content_type.startswith("multipart/"):
        return problem(415, "multipart/form-data with a file is expected")
    async with _spool(uploads) as file:
        fields = await _form(await request.multipart(), file)
        kind = fields.get("response_format", "json")
        if kind not in FORMATS:
            return problem(400, f"response_format is one of {', '.join(FORMATS)}")
        if not file.tell():
            return problem(400, "the form has no file")
        heard = await _transcribe(request, uploads.hub, file)
    model = uploads.hub.model
    default = model.languages[0] if model else ""
    language = fields.get("language", default)
    text = render(kind, heard.words, duration=heard.duration, language=language)
    return web.Response(text=text, content_type=FORMATS[kind])


async def kyutai(request: web.Request, uploads: Uploads) -> web.StreamResponse:
    """Serve `POST /api/asr-streaming`: the body is the file, the answer a list of words."""
    async with _spool(uploads) as file:
        await _save(request.content.readany, file)
        heard = await _transcribe(request, uploads.hub, file)
    answer: list[dict[str, object]] = []
    for word in heard.words:
        answer.append({"type": "Word", "text": word.text, "start_time": word.start})
        answer.append({"type": "EndWord", "stop_time": word.end})
    return web.json_response(answer)


@asynccontextmanager
async def _spool(uploads: Uploads) -> AsyncIterator[Spool]:
    """A place for one upload, and the answers to what can be wrong with it."""
    try:
        async with asyncio.timeout(PATIENCE):
            await uploads.room.acquire()
    except TimeoutError:
        raise problem(503, "too many files are being taken in", retry_after=PATIENCE) from None
    try:
        with tempfile.NamedTemporaryFile(prefix="upload-") as file:
            yield file
    except TooLarge:
        raise problem(413, f"a file has at most {LARGEST >> 20} MiB") from None
    except Undecodable as error:
        raise problem(400, str(error)) from None
    except TimeoutError:
        raise problem(408, f"no byte came for {SLOW:.0f} s") from None
    except Busy as full:
        raise problem(503, str(full), retry_after=full.retry_after) from None
    finally:
        uploads.room.release()


async def _form(form: MultipartReader, file: Spool) -> dict[str, str]:
    """Read the fields, and the file onto the disk."""
    fields: dict[str, str] = {}
    while True:
        async with asyncio.timeout(SLOW):
            part = await form.next()
        if part is None:
            return fields
        if not isinstance(part, BodyPartReader):
            continue
        if part.name == "file":
            await _save(partial(part.read_chunk, PIECE), file)
        else:
            async with asyncio.timeout(SLOW):
                value = await part.read_chunk(FIELD)
            fields[part.name or ""] = value.decode(errors="replace")


async def _save(read: Callable[[], Awaitable[bytes]], file: Spool) -> None:
    while True:
        async with asyncio.timeout(SLOW):
            piece = await read()
        if not piece:
            return file.flush()
        if file.tell() + len(piece) > LARGEST:
            raise TooLarge
        file.write(piece)


async def _transcribe(request: web.Request, hub: Hub, file: Spool) -> Transcript:
    heard = Transcript()
    problems: Sequence[BaseException] = ()
    async with hub.open(patience=PATIENCE) as line:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_listen(line, heard))
                await _play(request, line, file, heard)
        except* Undecodable as group:
            problems = group.exceptions
        for error in problems:  # raised within `except*`, Python 3.11.2 would wrap it again
            raise error
    if heard.reason != "ended":
        raise Busy(f"the transcription was cut off: {heard.reason}", 2.0)
    return heard


async def _listen(line: Line, heard: Transcript) -> None:
    async for message in line:
        if isinstance(message, Word):
            heard.words.append(message)
        elif isinstance(message, End):
            heard.reason = message.reason


async def _play(request: web.Request, line: Line, file: Spool, heard: Transcript) -> None:
    """Feed the file as fast as it is taken, as long as somebody waits for the answer."""
    pieces = read_file(Path(file.name))
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None and not heard.reason:
        if request.transport is None or request.transport.is_closing():
            line.abort("connection lost")
            return
        await line.feed(piece)
        heard.duration += len(piece) / RATE
    line.finish()
