"""What `make bench` runs, and what a benchmark says at its end."""

from __future__ import annotations

import json

import pytest

from tests.load import __main__ as bench
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
