"""A small run of what `python -m tests.faults.instances` does at length."""

from __future__ import annotations

from pathlib import Path

from tests.faults.instances import TAKEOVER, torment


async def test_captions_go_on_when_the_instance_that_makes_them_is_killed(tmp_path: Path) -> None:
    figures = await torment(tmp_path, ["kill"])
    assert figures["kill_gap_s"] <= 3 * TAKEOVER  # beside other tests
    assert figures["finals_unaccounted"] == figures["strangers"] == 0
