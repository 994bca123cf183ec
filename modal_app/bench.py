"""
What a step costs by batch size, with the true architecture and random weights.

Each size runs in a process of its own, so that one that does not fit, or hangs, costs one line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

from modal_app.arch import ARCHS

__all__ = ["options", "run"]

PATIENCE = 300.0
"""Seconds for one batch size beyond its measured time: building the model takes most of them."""
JUDGED = 256
"""The batch size whose time is held against the roofline."""
TARGET = 2.0
"""How many times the roofline it may take."""
COLUMNS = ("steps_per_s", "p50_ms", "p99_ms", "rtf", "state_gb", "peak_gb", "times_roofline")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--arch", default="stt-1b-en_fr", choices=list(ARCHS))
    parser.add_argument("--batch", default="1,64,128,256,400,512", help="sizes, by commas")
    parser.add_argument("--seconds", type=float, default=20.0, help="measured time of each size")
    parser.add_argument("--impl", default="fused", choices=("fused", "eager", "stock"))
    parser.add_argument("--context", type=int, default=0, help="another attention window, frames")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)


def run(given: argparse.Namespace) -> int:
    """Measure every size; 1 when none could be, or when one misses its bar."""
    if given.child:
        return _child(given)
    rows = {int(size): _measured(given, int(size)) for size in given.batch.split(",")}
    figures = {
        f"b{size}_{name}": round(value, 4)
        for size, row in rows.items()
        for name, value in row.items()
        if isinstance(value, float)
    }
    bars = _bars(given, rows)
    if given.json:
        about = next((row for row in rows.values() if "device" in row), {})
        named = {name: about.get(name, "") for name in ("device", "mode", "torch")}
        what = {"bench": "gpu_stt", "arch": given.arch, "impl": given.impl}
        print(json.dumps(what | named | {"figures": figures, "bars": bars}))
    else:
        _table(rows)
    return 0 if figures and all(bar["ok"] for bar in bars) else 1


def _bars(given: argparse.Namespace, rows: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """Only a GPU has a roofline worth reaching, and only our own step is to reach it."""
    row = rows.get(JUDGED, {})
    if given.impl != "fused" or row.get("device", "cpu") == "cpu":
        return []
    value = row["times_roofline"]
    name = f"b{JUDGED}_times_roofline"
    ok = value <= TARGET
    return [{"name": name, "value": value, "op": "<=", "target": TARGET, "ok": ok}]


def _measured(given: argparse.Namespace, size: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "modal_app", "bench", "--child", "--batch", str(size)]
    for name in ("arch", "seconds", "impl", "context"):
        command += [f"--{name}", str(getattr(given, name))]
    try:
        child = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, timeout=given.seconds + PATIENCE
        )
        return dict(json.loads(child.stdout.splitlines()[-1]))
    except (subprocess.TimeoutExpired, IndexError, ValueError):
        print(f"bench: batch {size} gave no figure; its own words are above", file=sys.stderr)
        return {}


def _child(given: argparse.Namespace) -> int:
    from modal_app.measure import measure

    figures = measure(
        given.arch,
        int(given.batch),
        seconds=given.seconds,
        impl=given.impl,
        context=given.context,
    )
    print(json.dumps(figures))
    return 0


def _table(rows: dict[int, dict[str, Any]]) -> None:
    print(f"{'batch':>6} {'mode':>6}" + "".join(f"{name:>16}" for name in COLUMNS))
    for size, row in rows.items():
        if row:
            values = "".join(f"{row[name]:16.3f}" for name in COLUMNS)
            print(f"{size:6} {row['mode']:>6}{values}")
