"""What `make bench` runs, and what a benchmark says at its end."""

from __future__ import annotations

import json
import sys

import pytest

from tests.load import __main__ as bench
from tests.load import gpu_front
from tests.load.report import Bar, finish


def test_all_commands_are_run_and_nothing_else() -> None:
    names = bench.names()
    assert {"files", "media", "talk", "webhooks"} < set(names)
    assert not {"sfu_stock", "talk_crowd", "report"} & set(names)
    assert set(bench.SMALL) <= set(names)


@pytest.mark.parametrize(("value", "code"), [(1, 0), (3, 1)])
def test_the_last_line_is_json_and_a_bar_that_is_missed_is_told(
    value: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finish("x", {"a": value}, [Bar("a", value, "<=", 2)], as_json=True) == code
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said == {
        "bench": "x",
        "figures": {"a": value},
        "bars": [{"name": "a", "value": value, "op": "<=", "target": 2, "ok": code == 0}],
    }


def test_every_round_of_the_gpu_front_is_told_not_only_the_best(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    late = iter([50.0, 35.0, 40.0])
    monkeypatch.setattr(sys, "argv", ["gpu_front", "--json"])
    monkeypatch.setattr("os.nice", lambda by: by)
    monkeypatch.setattr(
        gpu_front,
        "_round",
        lambda *_: {"cpu_cores": 0.1, "rss_mb": 1, "lost": 0, "added_ms_p99": next(late)},
    )
    assert gpu_front.main() == 1
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])["figures"]
    assert (figures["rounds"], figures["added_ms_p99"]) == (3, 35.0)
    assert [figures[f"round_{n}_added_ms_p99"] for n in (1, 2, 3)] == [50.0, 35.0, 40.0]
    assert figures["round_3_cpu_cores"] == 0.1
