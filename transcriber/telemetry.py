"""
What operators see: logs, metrics (all of them declared on this page) and traces.

Logs are one event name and keys. What people say and who they are may only stand under keys that
begin with `pii_`, which are removed unless the administrator asks for them; the text of an
exception counts as such, since providers put our requests into it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import resource
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pydantic import BaseModel, Field

from transcriber.errors import Misconfigured

__all__ = [
    "METRICS",
    "Tail",
    "TelemetryOptions",
    "configure_logs",
    "configure_traces",
    "span",
    "step",
]

Event = MutableMapping[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
FRAMES = 12
"""Innermost frames of a traceback that a log line carries."""


class TelemetryOptions(BaseModel):
    """Settings of logs and traces."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", alias="LOG_LEVEL", description="how much is logged: debug, info, warning or error"
    )
    form: Literal["auto", "json", "console"] = Field(
        "auto",
        alias="LOG_FORMAT",
        description="json, console, or auto: console on a terminal and json elsewhere",
    )
    pii: bool = Field(
        False, alias="LOG_PII", description="keep personal data (names, words) in logs"
    )
    traces: str = Field(
        "",
        alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="where OpenTelemetry traces are sent over HTTP; empty: nowhere",
    )


class Metrics:
    """Everything that is counted, under the names that Prometheus sees."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of: dict[str, Any] = {"registry": self.registry}
        self.calls = Gauge("transcriber_calls", "Calls we are in", **of)
        self.speakers = Gauge("transcriber_speakers", "People who are heard", **of)
        self.speech = Counter(
            "transcriber_speech_seconds", "Seconds of speech recognised", ["language"], **of
        )
        self.finals = Counter("transcriber_finals", "Sentences recognised", ["language"], **of)
        self.errors = Counter("transcriber_errors", "Failures, by their code", ["code"], **of)
        self.first_audio = Histogram(
            "transcriber_voice_first_audio_seconds",
            "Time until a sentence can be heard",
            ["engine", "cached"],
            buckets=(0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 10),
            **of,
        )
        self.spoken = Counter(
            "transcriber_voice_seconds", "Seconds of speech made", ["engine", "cached"], **of
        )
        self.characters = Counter(
            "transcriber_voice_characters", "Characters paid for", ["engine"], **of
        )
        self.voice_failures = Counter(
            "transcriber_voice_failures", "Times a voice went down", ["engine", "code"], **of
        )
        self.first_word = Histogram(
            "transcriber_model_first_word_seconds",
            "Time until a language model begins to answer",
            ["engine"],
            buckets=(0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10),
            **of,
        )
        self.tokens = Counter(
            "transcriber_model_tokens", "Tokens paid for", ["engine", "direction"], **of
        )
        self.model_cost = Counter(
            "transcriber_model_cost", "What answers cost, by LLM_PRICES", ["engine"], **of
        )
        self.model_failures = Counter(
            "transcriber_model_failures", "Times a model went down", ["engine", "code"], **of
        )
        self.translations = Counter(
            "transcriber_translations", "Captions translated, by what came of it", ["outcome"], **of
        )
        self.engines = Gauge(
            "transcriber_engine_up", "Whether a recogniser can be asked: 1 or 0", ["engine"], **of
        )
        self.engine_failures = Counter(
            "transcriber_engine_failures", "Times an engine went down", ["engine", "code"], **of
        )
        self.webhooks = Counter(
            "transcriber_webhook_attempts", "Webhooks tried, by what came of it", ["result"], **of
        )
        self.buried = Counter("transcriber_webhooks_buried", "Webhooks that are dead letters", **of)
        self.worker_ends = Counter(
            "transcriber_worker_ends", "Times a worker died or was replaced", **of
        )
        self.listeners = Gauge("transcriber_event_listeners", "Listeners to live events", **of)
        self.events_lost = Counter(
            "transcriber_events_lost",
            "Events lost because nobody could keep them",
            ["keeper"],
            **of,
        )
        self.nats_lost = Counter(
            "transcriber_nats_lost", "Events that NATS was away for too long to get", **of
        )
        self.requests = Histogram(
            "transcriber_request_seconds",
            "Time to answer HTTP requests",
            ["method", "route", "status"],
            buckets=(0.005, 0.02, 0.1, 0.5, 1, 3, 10),
            **of,
        )
        for name, (what, measure) in PROCESS.items():
            Gauge(f"transcriber_{name}", what, **of).set_function(measure)


def _memory() -> float:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return float(pages) * resource.getpagesize()


def _entries(folder: str) -> float:
    return sum(1 for _ in Path(folder).iterdir())


def _tasks() -> float:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # nothing runs
        return 0


def _known(measure: Callable[[], float]) -> Callable[[], float]:
    """Measure, or say that the system does not tell."""

    def measured() -> float:
        try:
            return measure()
        except OSError:
            return math.nan

    return measured


PROCESS: Mapping[str, tuple[str, Callable[[], float]]] = {
    "memory_bytes": ("Memory of all processes", _known(_memory)),
    "descriptors": ("Open files and sockets", _known(partial(_entries, "/proc/self/fd"))),
    "threads": ("Threads of all processes", _known(partial(_entries, "/proc/self/task"))),
    "tasks": ("Tasks of all event loops", _tasks),
}
"""What a process uses, beside what happens in it."""

METRICS = Metrics()


def configure_logs(options: TelemetryOptions) -> None:
    """Send the logs of this process, and of the libraries in it, to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _describe_exception,
        *(() if options.pii else (_drop_personal,)),
    ]
    human = options.form == "console" or (options.form == "auto" and sys.stderr.isatty())
    renderer = structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(_upper(options))),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=_upper(options), force=True)
    logging.getLogger("aioice").setLevel(logging.WARNING)  # it tells everybody's addresses


class Tail(logging.Handler):
    """The last lines of the log, as they are written: without personal data."""

    def __init__(self, most: int = 500) -> None:
        super().__init__()
        self._lines: deque[dict[str, Any]] = deque(maxlen=most)
        self._count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Take in a line; of what libraries say the level and the place are kept, not the words."""
        said: Any = record.msg
        if not isinstance(said, dict):
            said = {"event": record.name, "level": record.levelname.lower()}
        self._count += 1
        self._lines.append({"number": self._count} | said)

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return lines after the one with this number."""
        return [line for line in tuple(self._lines) if line["number"] > number]


def configure_traces(endpoint: str) -> None:
    """Send spans to an OpenTelemetry collector; nothing happens without an endpoint."""
    if not endpoint:
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as missing:
        raise Misconfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OpenTelemetry is not installed",
            remedy="install transcriber[otel] or leave the setting empty",
        ) from missing
    provider = TracerProvider(resource=Resource.create({"service.name": "transcriber"}))
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces"))
    )
    trace.set_tracer_provider(provider)


@contextmanager
def span(name: str, **attributes: str) -> Iterator[None]:
    """Trace what happens inside; free when nobody configured traces."""
    if "opentelemetry.trace" not in sys.modules:
        yield
        return
    from opentelemetry import trace

    with trace.get_tracer("transcriber").start_as_current_span(name, attributes=attributes):
        yield


def step(name: str, of: str, began: float, seconds: float, **attributes: str) -> None:
    """
    Trace a part of the way of something that has an id: all parts, in whatever process and at
    whatever time, are one trace. Free when nobody configured traces; times are Unix times.
    """
    if "opentelemetry.trace" not in sys.modules:
        return
    from opentelemetry import trace

    number = int.from_bytes(sha256(of.encode()).digest()[:16])
    whole = trace.SpanContext(
        number, number >> 64, True, trace.TraceFlags(trace.TraceFlags.SAMPLED)
    )
    part = trace.get_tracer("transcriber").start_span(
        name,
        context=trace.set_span_in_context(trace.NonRecordingSpan(whole)),
        attributes=attributes | {"id": of},
        start_time=round(began * 1e9),
    )
    part.end(round((began + seconds) * 1e9))


def _upper(options: TelemetryOptions) -> str:
    return options.level.upper()


def _describe_exception(logger: Any, method: str, event: Event) -> Event:
    """Say where an exception came from; what it says may be personal."""
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else _current(info)
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
        event["exception"] = type(error).__qualname__
        event["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        event["pii_exception"] = str(error)
    return event


def _current(info: bool | ExcInfo | None) -> BaseException | None:
    if not info:
        return None
    return info[1] if isinstance(info, tuple) else sys.exc_info()[1]


def _drop_personal(logger: Any, method: str, event: Event) -> Event:
    return {key: value for key, value in event.items() if not key.startswith("pii_")}
