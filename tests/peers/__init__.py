"""
Tests against real programs.

What a test needs is named with `require`: here without it the test is skipped and says so; where
`REQUIRE_PEERS=1`, as in CI, it fails.
"""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["missing", "require"]


def require(program: str) -> str:
    """Return the path of a program that the test needs."""
    return shutil.which(program) or missing(f"{program} is not installed; run `make peers`")


def missing(why: str) -> str:
    """Skip the test, or fail it where every peer is expected."""
    if os.environ.get("REQUIRE_PEERS") == "1":
        pytest.fail(f"REQUIRE_PEERS=1, but {why}")
    pytest.skip(why)
