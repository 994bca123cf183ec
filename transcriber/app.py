"""
The composition root: the only place where everything meets.

Each function is one job of the command line. Whatever they put together lives no longer than
they run.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from transcriber import engines
from transcriber.bus.memory import Bus
from transcriber.config import Settings
from transcriber.connectors.file import Channels, FileCall
from transcriber.engines.stt.base import EngineInfo, StreamOptions, Stt
from transcriber.errors import EngineError
from transcriber.events import CallStarted, CallTerminated, ErrorHappened, Speech, SpeechFinal
from transcriber.session.session import Session
from transcriber.telemetry import METRICS, span
from transcriber.web import health
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.server import application, listen

__all__ = ["Engine", "Job", "list_engines", "recogniser", "serve", "transcribe"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A file to transcribe."""

    path: str
    language: str
    channels: Channels = "mix"
    realtime: bool = False


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine as people see it in a list."""

    info: EngineInfo
    unusable: str

    def as_dict(self) -> dict[str, Any]:
        """Everything, for scripts."""
        return asdict(self.info) | {"usable": not self.unusable, "unusable": self.unusable}


def recogniser(settings: Settings, name: str = "") -> Stt:
    """Make the recogniser that the settings or the caller choose."""
    name = name or settings.speech.engine
    kind = engines.stt(name)
    return kind(settings.engines[name])


def list_engines(settings: Settings) -> list[Engine]:
    """Every recogniser, and why it cannot be used if it cannot."""
    found = (recogniser(settings, name) for name in sorted(engines.stt_names()))
    return [Engine(engine.info, engine.unusable()) for engine in found]


async def transcribe(
    stt: Stt,
    job: Job,
    *,
    heard: Callable[[Speech], object],
    progress: Callable[[float, float | None], object],
) -> None:
    """Tell `heard` every sentence of a file; raises what is wrong with the file or the engine."""
    bus, failures = Bus(), []
    call = FileCall(job.path, channels=job.channels, realtime=job.realtime, progress=progress)
    options = StreamOptions(language=job.language, partials=False)

    def failed(event: ErrorHappened) -> None:
        failures.append(event.data.message)
        call.hang_up()

    bus.subscribe(SpeechFinal, lambda event: heard(event.data))
    bus.subscribe(ErrorHappened, failed)
    with span("transcribe", engine=stt.info.name):
        await Session(call, stt=stt, bus=bus, options=options).run()
    if failures:
        raise EngineError("engine", f"{stt.info.name} failed: {failures[0]}")


async def serve(settings: Settings, started: Callable[[str], object]) -> None:
    """Run the service until it is told to stop; `started` learns its address."""
    bus, stop = Bus(), asyncio.Event()
    stt = recogniser(settings)
    _count(bus)
    routes = health.routes(unready=stt.unusable, metrics=METRICS.registry)
    app = application(routes, BearerGuard(AdminToken(settings.web.api_token.get_secret_value())))
    async with AsyncExitStack() as stack:
        stack.enter_context(_signals(stop))
        if problem := stt.unusable():
            log.error("recogniser is not usable", engine=stt.info.name, problem=problem)
        else:
            await stack.enter_async_context(stt)
        url = await stack.enter_async_context(listen(app, settings.web.host, settings.web.port))
        log.info("started", url=url, engine=stt.info.name)
        started(url)
        await stop.wait()
        log.info("stopping")


def _count(bus: Bus) -> None:
    """Keep the metrics of what happens in calls."""
    bus.subscribe(CallStarted, lambda event: METRICS.calls.inc())
    bus.subscribe(CallTerminated, lambda event: METRICS.calls.dec())
    bus.subscribe(ErrorHappened, lambda event: METRICS.errors.labels(event.data.code).inc())
    bus.subscribe(SpeechFinal, _count_speech)


def _count_speech(event: SpeechFinal) -> None:
    said = event.data
    METRICS.finals.labels(said.language).inc()
    METRICS.speech.labels(said.language).inc((said.end_ms - said.start_ms) / 1000)


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT ask for the end instead of ending at once."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
