"""
Where models lie on disk, and how they get there.

A model is fetched once, for everybody: to a `.part` file that goes on where it was cut, then its
hash is checked, then it is unpacked beside its place and put there by one rename. So a folder that
is there is whole, whoever put it there: without a network an administrator unpacks the archive by
hand. Processes that want the same model wait for each other.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

import aiohttp
import structlog

from transcriber.engines.models import SOURCE, Model
from transcriber.engines.stt.base import Progress
from transcriber.errors import EngineError
from transcriber.tls import trust

__all__ = ["Shelf", "alone", "download", "explained"]

CONNECTING, READING = 15.0, 60.0
"""Seconds to connect, and between two pieces of an archive."""
PIECE = 1 << 20
"""Bytes read at a time."""
LARGEST = 4 << 30
"""Bytes that may come out of an archive."""
LOOK = 1.0
"""Seconds between two looks whether another process is done."""

log = structlog.get_logger(__name__)


class Shelf:
    """A folder of models; `source` is where others are fetched from, empty: nowhere."""

    def __init__(self, folder: Path, source: str = SOURCE) -> None:
        self.folder = folder
        self._source = source.rstrip("/")

    def place(self, model: Model) -> Path:
        """Where a model lies, if it is there."""
        return self.folder / model.archive

    def has(self, model: Model) -> bool:
        """Whether it is there."""
        return self.place(model).is_dir()

    def missing(self, model: Model) -> str:
        """Say why a model cannot be had; empty when it can."""
        if self.has(model) or self._source:
            return ""
        return f"{model.name} is not in {self.folder}, and nothing may be fetched"

    async def fetch(self, model: Model, progress: Progress) -> Path:
        """Return where a model lies, fetched if it was not there; raises `EngineError`."""
        if not self.has(model):
            if why := self.missing(model):
                raise EngineError("unusable", why, remedy=f"unpack {model.archive}.tar.bz2 there")
            self.folder.mkdir(parents=True, exist_ok=True)
            async with alone(self.folder / f"{model.archive}.lock"):
                if not self.has(model):
                    await self._fetch(model, progress)
        return self.place(model)

    async def _fetch(self, model: Model, progress: Progress) -> None:
        what, part = f"fetching {model.name}", self.folder / f"{model.archive}.part"
        url = f"{self._source}/{model.archive}.tar.bz2"
        log.info("fetching a model", model=model.name, url=url, licence=model.licence)
        with explained(url):
            async for done in download(url, part, model.size):
                progress(what, min(0.95, 0.95 * done / model.size))
        if await asyncio.to_thread(_hash, part) != model.sha256:
            part.unlink()
            raise EngineError("engine", f"{url} is not the archive it was", remedy="try a mirror")
        await asyncio.to_thread(_unpack, part, self.place(model))
        part.unlink()
        log.info("model is there", model=model.name, folder=str(self.place(model)))


async def download(url: str, part: Path, size: int) -> AsyncIterator[int]:
    """Go on with a download, or begin it; yields how many bytes are there."""
    have = await asyncio.to_thread(_size, part)
    if have >= size:
        yield have
        return
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECTING, sock_read=READING)
    headers = {"Range": f"bytes={have}-"} if have else {}
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as http,
        http.get(url, headers=headers, ssl=trust()) as answer,
    ):
        answer.raise_for_status()
        have = have if answer.status == 206 else 0
        with part.open("ab" if have else "wb") as file:
            async for piece in answer.content.iter_chunked(PIECE):
                have += len(piece)
                if have > size:
                    raise EngineError("engine", f"{url} is larger than {size} bytes")
                await asyncio.to_thread(file.write, piece)
                yield have
    if have < size:
        raise EngineError("network", f"{url} ended after {have} of {size} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(archive: Path, place: Path) -> None:
    """Take the files of the archive's one folder, and nothing that lies elsewhere or deeper."""
    beside = place.with_name(f"{place.name}.unpacking")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    total = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            if member.isfile() and len(parts) == 2 and ".." not in parts:
                total += member.size
                if total > LARGEST:
                    raise EngineError("engine", f"{archive.name} holds too much")
                source = tar.extractfile(member)
                assert source is not None
                with source, (beside / parts[1]).open("wb") as file:
                    shutil.copyfileobj(source, file, PIECE)
    beside.rename(place)


@asynccontextmanager
async def alone(path: Path) -> AsyncIterator[None]:
    """Hold a lock that no two processes hold; it ends with the process that holds it."""
    with path.open("w") as file:
        while not _locked(file):  # noqa: ASYNC110 - who holds it cannot tell us
            await asyncio.sleep(LOOK)
        yield


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Say what went wrong with a download as an `EngineError`."""
    try:
        yield
    except aiohttp.ClientResponseError as error:
        raise EngineError("network", f"{url}: HTTP {error.status}") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise EngineError("network", f"{url}: {type(error).__name__}") from error
    except OSError as error:
        raise EngineError("engine", f"cannot write: {os.strerror(error.errno or 0)}") from error
