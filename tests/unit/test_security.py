"""Every boundary of the threat model has a test, and it is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path("transcriber/docs/security.md")
ROWS = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
"""One for each thing that could be done."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[3].strip())
def test_a_boundary_names_tests_that_are_there(row: str) -> None:
    shown = re.findall(r"\[([^\]]+)\]\((\.\./\.\./tests/[^)]+)\)", row.split(" | ")[-1])
    assert shown
    for name, place in shown:
        test = f"def test_{name.replace(' ', '_')}("
        assert test in (PAGE.parent / place).read_text(), f"{place} has no {test}"
