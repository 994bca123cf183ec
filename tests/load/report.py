"""How every load command takes its options and says what it measured."""

from __future__ import annotations

import argparse
import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

__all__ = ["Bar", "finish", "parser"]

COMPARE = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure has to reach."""

    name: str
    value: float
    op: Literal["<=", ">=", "=="]
    target: float

    @property
    def ok(self) -> bool:
        return bool(COMPARE[self.op](self.value, self.target))


def parser(what: str) -> argparse.ArgumentParser:
    """Make a parser with the option that all load commands share."""
    options = argparse.ArgumentParser(
        description=what, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return options


def finish(
    name: str, figures: Mapping[str, float], bars: Sequence[Bar] = (), *, as_json: bool
) -> int:
    """Print the figures and return the exit status: 1 when a bar falls short."""
    rounded = {key: round(value, 4) for key, value in figures.items()}
    if as_json:
        results = [asdict(bar) | {"ok": bar.ok} for bar in bars]
        print(json.dumps({"bench": name, "figures": rounded, "bars": results}))
    else:
        _table(name, rounded, bars)
    return 0 if all(bar.ok for bar in bars) else 1


def _table(name: str, figures: Mapping[str, float], bars: Sequence[Bar]) -> None:
    print(name)
    for key, value in figures.items():
        print(f"  {key:32} {value:14,.4f}")
    for bar in bars:
        verdict = "ok" if bar.ok else "FALLS SHORT"
        print(f"  {bar.name:32} {bar.value:14,.4f}  {bar.op} {bar.target:g}  {verdict}")
