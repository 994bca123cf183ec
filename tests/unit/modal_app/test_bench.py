from __future__ import annotations

import argparse
import json
from typing import Any

import pytest

from modal_app import bench

ROW: dict[str, Any] = {
    "device": "NVIDIA H200",
    "mode": "graph",
    "torch": "2.9.1",
    **dict.fromkeys(bench.COLUMNS, 1.5),
}


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    bench.options(parser)
    return parser.parse_args(arguments)


def run(monkeypatch: pytest.MonkeyPatch, rows: dict[int, dict[str, Any]], *arguments: str) -> int:
    monkeypatch.setattr(bench, "_measured", lambda given, size: rows[size])
    return bench.run(options("--batch", ",".join(map(str, rows)), *arguments))


@pytest.mark.parametrize(("times", "code"), [(1.9, 0), (2.1, 1)])
def test_a_gpu_is_held_against_its_roofline(
    times: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {1: ROW, 256: ROW | {"times_roofline": times}}

    assert run(monkeypatch, rows, "--json") == code
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["device"] == "NVIDIA H200"
    assert result["figures"]["b256_times_roofline"] == times
    assert result["bars"] == [
        {
            "name": "b256_times_roofline",
            "value": times,
            "op": "<=",
            "target": 2.0,
            "ok": code == 0,
        }
    ]


@pytest.mark.parametrize("row", [ROW | {"device": "cpu", "times_roofline": 99.0}, {}])
def test_a_cpu_and_a_size_that_does_not_fit_are_not(
    row: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, {1: ROW, 256: row}, "--json") == 0
    assert json.loads(capsys.readouterr().out)["bars"] == []


def test_moshis_own_step_is_shown_and_not_judged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, {256: ROW | {"times_roofline": 9.0}}, "--impl", "stock") == 0
    assert "256" in capsys.readouterr().out


def test_no_figure_at_all_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, {1: {}, 256: {}}) == 1
