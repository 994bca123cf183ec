"""
What Prometheus is told: computed from the batcher's counters when somebody asks, not before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from modal_app.batcher import Batcher
from modal_app.protocol import SECONDS

__all__ = ["Metrics"]


class Metrics(Collector):
    """The figures of one batcher, once it is there."""

    def __init__(
        self,
        batcher: Callable[[], Batcher | None],
        *,
        price_per_hour: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._batcher = batcher
        self._price = price_per_hour
        self._clock = clock
        self._began = clock()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """Write everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Give every figure; called by the registry."""
        up = self._clock() - self._began
        yield GaugeMetricFamily("stt_up_seconds", "Time since the start", value=up)
        cost = up / 3600 * self._price
        yield CounterMetricFamily(
            "stt_estimated_cost", "Machine time since the start, at the price it was told", cost
        )
        if batcher := self._batcher():
            yield from _gauges(batcher)
            yield from _counters(batcher)


def _gauges(batcher: Batcher) -> Iterator[Metric]:
    stats = batcher.stats
    middle = stats.quantile(0.5)
    step = GaugeMetricFamily(
        "stt_step_seconds", "Time of the last 2000 steps", labels=("quantile",)
    )
    step.add_metric(["0.5"], middle)
    step.add_metric(["0.99"], stats.quantile(0.99))
    yield step
    for name, what, value in (
        ("stt_slots", "Streams that fit", batcher.slots),
        ("stt_slots_used", "Streams that are open", batcher.used),
        ("stt_step_active", "Streams that took part in the last step", stats.active),
        ("stt_backlog_seconds", "Audio of the stream furthest behind", stats.backlog),
        ("stt_real_time_factor", "Steps per 80 ms", SECONDS / middle if middle else 0.0),
    ):
        yield GaugeMetricFamily(name, what, value=value)


def _counters(batcher: Batcher) -> Iterator[Metric]:
    stats = batcher.stats
    for name, what, value in (
        ("stt_steps", "Steps of the engine", stats.steps),
        ("stt_frames", "Frames of 80 ms that were heard", stats.frames),
        ("stt_audio_seconds", "Audio that was heard", stats.frames * SECONDS),
        ("stt_words", "Words recognised", stats.words),
        ("stt_streams", "Streams that were let in", stats.opened),
        ("stt_rejected", "Streams that were refused", stats.rejected),
    ):
        yield CounterMetricFamily(name, what, value)
