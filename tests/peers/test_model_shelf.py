"""Models are fetched once, whole, and only those that are meant."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.conformance.stt import hear, text
from tests.peers.engines.tiny_models import build, pack
from tests.peers.speech import blocks
from transcriber.audio.block import silence
from transcriber.engines import models, shelf
from transcriber.engines.models import MODELS, Model
from transcriber.engines.shelf import Shelf
from transcriber.engines.stt.base import StreamOptions
from transcriber.engines.stt.local import Local, LocalOptions
from transcriber.errors import EngineError

SPEECH = [*blocks(13.9, 17.3), *[silence()] * 15]


@dataclass
class Store:
    """A place on the internet where an archive lies."""

    data: bytes
    model: Model
    url: str = ""
    asked: list[str] = field(default_factory=list)
    """The part of the archive that was asked for, each time; empty for all of it."""
    cut: int | None = None
    """Bytes after which the connection breaks, once."""
    status: int = 200
    ranges: bool = True

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.headers.get("Range", ""))
        if self.status != 200:
            return web.Response(status=self.status)
        start = int(self.asked[-1].removeprefix("bytes=").rstrip("-") or 0) if self.ranges else 0
        response = web.StreamResponse(status=206 if start else 200)
        response.content_length = len(self.data) - start
        await response.prepare(request)
        cut, self.cut = self.cut, None
        await response.write(self.data[start:cut])
        if cut is not None and request.transport is not None:
            request.transport.abort()
        return response


@asynccontextmanager
async def store(folder: Path) -> AsyncIterator[Store]:
    archive = "sherpa-onnx-tiny"
    pack(build("whisper", folder / archive), folder / f"{archive}.tar.bz2")
    data = (folder / f"{archive}.tar.bz2").read_bytes()
    model = Model(
        "tiny", archive, "whisper", hashlib.sha256(data).hexdigest(), len(data), "*", "free"
    )
    here = Store(data, model)
    app = web.Application()
    app.router.add_get(f"/models/{archive}.tar.bz2", here.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    here.url = f"{site.name}/models"
    try:
        yield here
    finally:
        await runner.cleanup()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Store]:
    async with store(tmp_path / "internet") as here:
        yield here


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - it is about time
            await asyncio.sleep(0.02)


Told = list[tuple[str, float]]


def noting(told: Told) -> Callable[[str, float], None]:
    return lambda what, done: told.append((what, round(done, 6)))


async def fetched(place: Store, folder: Path) -> Path:
    return await Shelf(folder, place.url).fetch(place.model, lambda what, done: None)


async def test_a_model_is_fetched_and_progress_is_told(place: Store, tmp_path: Path) -> None:
    told: Told = []
    folder = await Shelf(tmp_path / "shelf", place.url).fetch(place.model, noting(told))
    assert {path.name for path in folder.iterdir()} == {
        "tiny-encoder.onnx", "tiny-decoder.onnx", "tiny-tokens.txt",
    }  # fmt: skip
    assert told[-1] == ("fetching tiny", 0.95)
    assert [path.suffix for path in (tmp_path / "shelf").iterdir() if path.is_file()] == [".lock"]


async def test_what_is_there_is_not_fetched_again(place: Store, tmp_path: Path) -> None:
    assert await fetched(place, tmp_path) == await fetched(place, tmp_path)
    assert len(place.asked) == 1


async def test_two_who_want_it_at_once_fetch_it_once(
    place: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "LOOK", 0.05)
    await asyncio.gather(*(fetched(place, tmp_path) for _ in range(3)))
    assert len(place.asked) == 1


async def test_a_download_that_was_cut_goes_on_where_it_was(place: Store, tmp_path: Path) -> None:
    place.cut = 500
    with pytest.raises(EngineError) as cut:
        await fetched(place, tmp_path)
    assert cut.value.retryable
    await fetched(place, tmp_path)
    assert place.asked == ["", "bytes=500-"]


async def test_a_server_that_knows_no_parts_is_asked_for_all(place: Store, tmp_path: Path) -> None:
    place.cut, place.ranges = 500, False
    with pytest.raises(EngineError):
        await fetched(place, tmp_path)
    await fetched(place, tmp_path)


async def test_another_archive_than_the_one_that_is_meant_is_not_taken(
    place: Store, tmp_path: Path
) -> None:
    good, place.data = place.data, place.data[:-1] + bytes([place.data[-1] ^ 1])
    with pytest.raises(EngineError, match="is not the archive it was"):
        await fetched(place, tmp_path)
    place.data = good
    await fetched(place, tmp_path)


async def test_an_archive_that_is_too_large_is_not_read_to_its_end(
    place: Store, tmp_path: Path
) -> None:
    place.data += b"x" * 10_000_000
    with pytest.raises(EngineError, match="is larger than"):
        await fetched(place, tmp_path)


async def test_a_refusal_says_where_and_what(place: Store, tmp_path: Path) -> None:
    place.status = 404
    with pytest.raises(EngineError, match=r"tiny\.tar\.bz2: HTTP 404"):
        await fetched(place, tmp_path)


async def test_nobody_there_is_a_problem_that_may_pass(place: Store, tmp_path: Path) -> None:
    place.url = "http://127.0.0.1:9"
    with pytest.raises(EngineError) as nobody:
        await fetched(place, tmp_path)
    assert nobody.value.kind == "network"


async def test_a_folder_that_cannot_be_written_says_so(place: Store, tmp_path: Path) -> None:
    (tmp_path / "sherpa-onnx-tiny.part").mkdir()
    with pytest.raises(EngineError, match="cannot write"):
        await fetched(place, tmp_path)


async def test_without_a_source_the_archive_has_to_be_unpacked_by_hand(
    place: Store, tmp_path: Path
) -> None:
    offline = Shelf(tmp_path, "")
    assert "nothing may be fetched" in offline.missing(place.model)
    with pytest.raises(EngineError, match=r"unpack sherpa-onnx-tiny\.tar\.bz2 there"):
        await offline.fetch(place.model, lambda what, done: None)
    build("whisper", tmp_path / place.model.archive)
    assert offline.missing(place.model) == ""
    assert (
        await offline.fetch(place.model, lambda what, done: None) == tmp_path / place.model.archive
    )


@pytest.fixture
def known(place: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The recogniser knows the tiny model by name."""
    monkeypatch.setitem(MODELS, "tiny", place.model)
    assert models.MODELS is MODELS
    return place


def local(place: Store, folder: Path, **more: str) -> Local:
    settings = {"LOCAL_MODELS": "tiny", "LOCAL_MODEL_FOLDER": str(folder)}
    return Local(LocalOptions.model_validate(settings | {"LOCAL_MODEL_SOURCE": place.url} | more))


async def test_preparing_fetches_and_loads_and_says_how_far_it_is(
    known: Store, tmp_path: Path
) -> None:
    told: Told = []
    stt = local(known, tmp_path)
    assert stt.unusable() == ""
    await stt.prepare(noting(told))
    assert ("fetching tiny", 0.95) in told
    assert told[-1][1] == 1.0
    async with stt:
        assert text(await hear(stt, SPEECH, StreamOptions("de"))) == "Hallo Welt."


async def test_a_service_starts_before_its_models_are_there(known: Store, tmp_path: Path) -> None:
    async with local(known, tmp_path) as stt:
        with pytest.raises(EngineError, match="is being fetched") as soon:
            await hear(stt, SPEECH)
        assert soon.value.retry_after
        await until(lambda: bool(stt._loaded))
        assert text(await hear(stt, SPEECH)) == "Hello world."


async def test_a_model_that_cannot_be_had_says_why_and_is_tried_again(
    known: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.status = 503
    monkeypatch.setattr("random.uniform", lambda low, high: 0.05)
    async with local(known, tmp_path) as stt:
        await until(lambda: bool(stt._problems))
        with pytest.raises(EngineError, match="HTTP 503"):
            await hear(stt, SPEECH)
        known.status = 200
        await until(lambda: bool(stt._loaded))
        assert text(await hear(stt, SPEECH)) == "Hello world."


async def test_an_archive_without_the_files_is_not_tried_again(
    known: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "tiny", replace(known.model, kind="nemo"))
    async with local(known, tmp_path) as stt:
        await until(lambda: bool(stt._problems))
        with pytest.raises(EngineError, match="has no") as never:
            await hear(stt, SPEECH)
        assert not never.value.retryable


async def test_without_downloads_what_is_missing_makes_it_unusable(
    known: Store, tmp_path: Path
) -> None:
    assert "tiny is not in" in local(known, tmp_path, LOCAL_MODEL_DOWNLOAD="false").unusable()
