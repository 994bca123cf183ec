"""
The composition root: the only place where everything meets.

Each function is one job of the command line. Whatever they put together lives no longer than
they run.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
import structlog

from transcriber import engines
from transcriber.bus.memory import Bus
from transcriber.captions.languages import NAMES
from transcriber.config import Settings
from transcriber.connectors.file import Channels, FileCall
from transcriber.connectors.nextcloud import Identity, Nextcloud
from transcriber.connectors.talk.call import Server, Talk
from transcriber.engines.stt.base import EngineInfo, StreamOptions, Stt
from transcriber.errors import EngineError, Misconfigured
from transcriber.events import CallStarted, CallTerminated, ErrorHappened, Speech, SpeechFinal
from transcriber.rtc import Media
from transcriber.session.session import Session
from transcriber.session.supervisor import Supervisor
from transcriber.telemetry import METRICS, span
from transcriber.web import health
from transcriber.web.appapi import AppApiGuard
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.exapp import ExApp, talk_error
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
        if settings.nextcloud.app_id:
            await stack.enter_async_context(_serve_nextcloud(settings, stt, bus))
        url = await stack.enter_async_context(listen(app, settings.web.host, settings.web.port))
        log.info("started", url=url, engine=stt.info.name)
        started(url)
        await stop.wait()
        log.info("stopping")


@asynccontextmanager
async def _serve_nextcloud(settings: Settings, stt: Stt, bus: Bus) -> AsyncIterator[None]:
    """Be an app of Nextcloud, and caption the calls it names, while the block runs."""
    cloud, options, verify = settings.nextcloud, settings.talk, not settings.talk.skip_verify
    us, server = _identity(settings), _signaling(settings)
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(ssl=verify)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        talk = Talk(server, await stack.enter_async_context(Media()))
        rooms = Supervisor(
            lambda room, wish: talk.connect(room),
            stt=stt,
            bus=bus,
            language=settings.speech.language,
            replacing=options.replacing,
        )
        heard = tuple(NAMES) if "*" in stt.info.languages else stt.info.languages
        app = ExApp(
            Nextcloud(us, http), rooms, prepare=stt.prepare, heard=heard, version=us.app_version
        )
        routes = application(app.routes(), AppApiGuard(us), explain=talk_error)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        url = await stack.enter_async_context(listen(routes, cloud.app_host, cloud.app_port))
        log.info("serving nextcloud", url=url, nextcloud=us.url, signaling=server.url)
        tasks.create_task(app.run(), name="exapp")
        tasks.create_task(rooms.run(), name="rooms")
        try:
            yield
        finally:
            app.stop()
            rooms.stop()


def _identity(settings: Settings) -> Identity:
    cloud = settings.nextcloud
    return Identity(
        app_id=cloud.app_id,
        app_version=cloud.app_version,
        app_api_version=cloud.app_api_version,
        secret=_needed("APP_SECRET", cloud.app_secret.get_secret_value()),
        url=_needed("NEXTCLOUD_URL", cloud.url),
    )


def _signaling(settings: Settings) -> Server:
    talk = settings.talk
    return Server(
        url=_needed("LT_HPB_URL", talk.url),
        backend=talk.backend or settings.nextcloud.url.rstrip("/").removesuffix("/index.php"),
        secret=_needed("LT_INTERNAL_SECRET", talk.secret.get_secret_value()),
        tls=not talk.skip_verify,
    )


def _needed(name: str, value: str) -> str:
    if not value:
        raise Misconfigured(name, "is not set", remedy="an app of Nextcloud needs it")
    return value


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
