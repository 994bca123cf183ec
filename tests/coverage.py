"""
Is enough of the code tested? Run after the lanes, on the coverage they recorded.

Two rules: 90 % of everything, branches counted; and 100 % of every module that does no IO, by its
own test file alone. Which modules those are is written once, in the import contract of
pyproject.toml that forbids them IO; where a module's test lies follows from its name.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import coverage

OVERALL = 90.0
"""Percent of all lines and branches."""
CONTRACT = "Protocol cores do no IO"


def pure_modules() -> list[Path]:
    """The files of the modules, and packages, that the contract names."""
    config = tomllib.loads(Path("pyproject.toml").read_text())
    contracts = config["tool"]["importlinter"]["contracts"]
    names = next(c["source_modules"] for c in contracts if c["name"] == CONTRACT)
    found: list[Path] = []
    for name in names:
        place = Path(*name.split("."))
        found += sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    return [path for path in found if path.name != "__init__.py"]


def own_test(module: Path) -> Path:
    """Where the test of a module lies."""
    return Path("tests/unit") / module.parent / f"test_{module.name}"


def percent(data: coverage.Coverage, module: Path) -> float:
    """How much of a module its own test covers; importing it belongs to no test."""
    contexts = [f"^{re.escape(str(own_test(module)))}::", "^$"]
    report = Path(".coverage.report.json")
    try:
        data.json_report([str(module)], outfile=str(report), contexts=contexts)
        return float(json.loads(report.read_text())["totals"]["percent_covered"])
    finally:
        report.unlink(missing_ok=True)


def main() -> int:
    """Print what falls short; 1 when anything does."""
    data = coverage.Coverage()
    data.load()
    data.combine(keep=True)  # a process that ended after all tests may have left some
    short = []
    for module in pure_modules():
        if not own_test(module).exists():
            short.append(f"{module} has no test of its own: {own_test(module)}")
        elif (covered := percent(data, module)) < 100:
            short.append(f"{module}: {covered:.1f} % by {own_test(module)}, wanted: 100 %")
    overall = data.report(skip_covered=True, skip_empty=True, show_missing=True)
    if overall < OVERALL:
        short.append(f"overall: {overall:.1f} %, wanted: {OVERALL:.0f} %")
    print("\n".join(short) or f"covered: {overall:.1f} % overall, pure modules 100 %")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
