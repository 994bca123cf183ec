"""The dashboard, the alert rules and their description speak of metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from transcriber.telemetry import METRICS

GUIDE = Path("transcriber/docs/operating.md")
PLACE = Path("transcriber/docs/monitoring")
NAME = re.compile(r"\btranscriber_[a-z_]+")
LABELS = re.compile(r"\b(?:by|on) \(([^)]*)\)")
OF_PROMETHEUS = {"instance", "le"}


def exist() -> set[str]:
    """The names under which Prometheus sees what we count."""
    found: set[str] = set()
    for metric in METRICS.registry.collect():
        match metric.type:
            case "counter":
                found.add(f"{metric.name}_total")
            case "histogram":
                found |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
            case _:
                found.add(metric.name)
    return found


def queries() -> Iterator[str]:
    dashboard = json.loads((PLACE / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for rule in alerts():
        yield rule["expr"]


def alerts() -> list[dict[str, str]]:
    (group,) = yaml.safe_load((PLACE / "alerts.yaml").read_text())["groups"]
    rules: list[dict[str, str]] = group["rules"]
    return rules


@pytest.mark.parametrize("query", [*queries()])
def test_a_query_asks_for_what_is_counted(query: str) -> None:
    asked = set(NAME.findall(query))
    assert asked <= exist()
    assert asked or query.startswith("up{")


def test_everything_that_is_counted_can_be_seen() -> None:
    shown = {name for query in queries() for name in NAME.findall(query)}
    unseen = {name for name in exist() if not name.endswith(("_sum", "_count"))} - shown
    assert not unseen


def test_queries_group_by_labels_that_there_are() -> None:
    labels = {label for one in vars(METRICS).values() for label in getattr(one, "_labelnames", ())}
    for query in queries():
        for group in LABELS.findall(query):
            assert set(re.findall(r"\w+", group)) <= labels | OF_PROMETHEUS


def test_every_alert_says_what_to_do() -> None:
    for rule in alerts():
        assert rule["annotations"]["summary"]  # type: ignore[index]
        assert rule["annotations"]["next"]  # type: ignore[index]


def test_every_metric_is_described() -> None:
    guide = GUIDE.read_text()
    for metric in METRICS.registry.collect():
        name = metric.name + "_total" * (metric.type == "counter")
        assert f"| `{name}` | {metric.documentation} |" in guide
