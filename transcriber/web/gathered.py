"""
What this process and its workers have counted, published as one.

Workers send their counts now and then. Everything is added up; what a worker had counted when it
died stays in the sum, as counters must never go back, but gauges tell of the living only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

__all__ = ["Gathered", "counts"]

Key = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name and its labels."""


def counts(registry: Collector) -> list[Any]:
    """Return everything counted in this process, as JSON."""
    return [
        [sample.name, sorted(sample.labels.items()), sample.value]
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created")
    ]


class Gathered(Collector):
    """The sum of a registry and of what workers have sent."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._of: dict[int, dict[Key, float]] = {}
        self._dead: defaultdict[Key, float] = defaultdict(float)

    def take(self, worker: int, sent: Iterable[Any] | None) -> None:
        """Take in what a worker has counted so far; nothing when it has died."""
        if sent is not None:
            self._of[worker] = {
                (name, tuple((label, value) for label, value in labels)): number
                for name, labels, number in sent
            }
        elif left := self._of.pop(worker, None):
            kept = {name for name, _ in left} - self._gauges()
            for key, number in left.items():
                if key[0] in kept:
                    self._dead[key] += number

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with the sums of all."""
        others: defaultdict[str, list[tuple[Key, float]]] = defaultdict(list)
        for source in (self._dead, *self._of.values()):
            for key, number in source.items():
                others[key[0]].append((key, number))
        for metric in self._registry.collect():
            yield _sum(metric, others)

    def _gauges(self) -> set[str]:
        return {metric.name for metric in self._registry.collect() if metric.type == "gauge"}


SUFFIXES = ("", "_total", "_bucket", "_sum", "_count")
"""What is added to a metric's name for its samples, in the order in which they are published."""


def _sum(metric: Metric, others: dict[str, list[tuple[Key, float]]]) -> Metric:
    sums: defaultdict[Key, float] = defaultdict(float)
    for sample in metric.samples:
        if not sample.name.endswith("_created"):
            sums[sample.name, tuple(sorted(sample.labels.items()))] += sample.value
    for suffix in SUFFIXES:
        for key, number in others.get(metric.name + suffix, ()):
            sums[key] += number
    total = Metric(metric.name, metric.documentation, metric.type)
    for (name, labels), number in sums.items():
        total.add_sample(name, dict(labels), number)
    return total
