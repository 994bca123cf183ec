"""
What needs torch, moshi and modal: `make test TORCH=1` installs them beside and runs this lane.
"""

from __future__ import annotations

import importlib.util
import os

NEEDED = ("torch", "moshi", "modal", "uvicorn")
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
collect_ignore_glob = ["test_*.py"] if missing and os.environ.get("TORCH") != "1" else []


def pytest_report_header() -> str:
    """Say whether the lane runs."""
    return f"gpu lane: {'left out, not installed: ' + ', '.join(missing) if missing else 'runs'}"
