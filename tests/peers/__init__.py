"""
Tests against real programs.

What a test needs is named with `require`: here without it the test is skipped and says so; where
`REQUIRE_PEERS=1`, as in CI, it fails.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable

import pytest

__all__ = ["missing", "require", "until"]

LOOK = 0.01
"""Seconds between two looks at something another process or task does."""


def require(program: str) -> str:
    """Return the path of a program that the test needs."""
    return shutil.which(program) or missing(f"{program} is not installed; run `make peers`")


def missing(why: str) -> str:
    """Skip the test, or fail it where every peer is expected."""
    if os.environ.get("REQUIRE_PEERS") == "1":
        pytest.fail(f"REQUIRE_PEERS=1, but {why}")
    pytest.skip(why)


async def until(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Wait for something that another process or task does; fail when it does not come."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(LOOK)
