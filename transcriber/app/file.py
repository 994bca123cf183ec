"""A file becomes text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from transcriber.bus.memory import Bus
from transcriber.connectors.file import Channels, FileCall
from transcriber.engines.stt.base import StreamOptions, Stt
from transcriber.errors import EngineError
from transcriber.events import ErrorHappened, Speech, SpeechFinal
from transcriber.session.session import Session
from transcriber.telemetry import span

__all__ = ["Job", "transcribe"]


@dataclass(frozen=True, slots=True)
class Job:
    """A file to transcribe."""

    path: str
    language: str
    channels: Channels = "mix"
    realtime: bool = False


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
