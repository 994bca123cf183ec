"""What operators see, and what they do not."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from transcriber.errors import Misconfigured
from transcriber.telemetry import TelemetryOptions, configure_logs, configure_traces, span, step


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def configure(**options: object) -> None:
    configure_logs(TelemetryOptions.model_validate({"LOG_FORMAT": "json"} | options))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_an_event_and_keys(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger().info("speaker joined", room="r")
    (line,) = lines(capsys)
    assert (line["event"], line["room"], line["level"]) == ("speaker joined", "r", "info")
    assert str(line["timestamp"]).endswith("Z")


def test_personal_keys_are_removed_unless_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger().info("heard", pii_text="my secret")
    configure(LOG_PII=True)
    structlog.get_logger().info("heard", pii_text="my secret")
    without, with_ = lines(capsys)
    assert "pii_text" not in without
    assert with_["pii_text"] == "my secret"


def test_what_an_exception_says_is_personal(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    for how in (True, ValueError("my words")):
        try:
            raise ValueError("my words")
        except ValueError as error:
            info = error if how is not True else True
            structlog.get_logger().error("failed", exc_info=info)
    for line in lines(capsys):
        assert "my words" not in json.dumps(line)
        assert line["exception"] == "ValueError"
        assert "test_what_an_exception_says" in str(line["frames"])


def test_the_level_holds_for_us_and_for_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LOG_LEVEL="warning")
    structlog.get_logger().info("chatter")
    logging.getLogger("aiohttp").info("chatter")
    logging.getLogger("aiohttp").warning("trouble")
    assert [line["event"] for line in lines(capsys)] == ["trouble"]


def test_people_get_a_form_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LOG_FORMAT="console")
    structlog.get_logger().info("speaker joined", room="r")
    assert "speaker joined" in capsys.readouterr().err


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """Where spans go; there is one provider for a whole process."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


def test_spans_are_traced_when_somebody_wants_them(exporter: InMemorySpanExporter) -> None:
    exporter.clear()
    with span("transcribe", engine="local"):
        pass
    (found,) = exporter.get_finished_spans()
    assert (found.name, dict(found.attributes or {})) == ("transcribe", {"engine": "local"})


def test_the_parts_of_one_way_are_one_trace(exporter: InMemorySpanExporter) -> None:
    exporter.clear()
    for of, name in (("evt_1", "kept"), ("evt_2", "kept"), ("evt_1", "tried")):
        step(name, of, 1_000.0, 0.5, keeper="webhooks")
    one, other, rest = exporter.get_finished_spans()
    traces = [found.context.trace_id for found in (one, other, rest) if found.context]
    assert traces[0] == traces[2] != traces[1]
    assert (rest.start_time, rest.end_time) == (1_000_000_000_000, 1_000_500_000_000)
    assert dict(rest.attributes or {}) == {"keeper": "webhooks", "id": "evt_1"}


def test_without_opentelemetry_a_span_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    with span("transcribe"):
        step("kept", "evt_1", 0.0, 1.0)


def test_traces_without_opentelemetry_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(Misconfigured, match="OTEL_EXPORTER_OTLP_ENDPOINT"):
        configure_traces("http://127.0.0.1:4318")


def test_no_endpoint_means_no_traces() -> None:
    configure_traces("")
