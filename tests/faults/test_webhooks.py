"""A small run of what `python -m tests.faults.webhooks` does at length."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.faults.webhooks import Torment
from tests.faults.webhooks_disk import fill_a_disk
from tests.peers.postgres import postgres

CLEAN = {"unaccounted": 0, "duplicates_unexplained": 0, "disordered_sessions": 0, "forged": 0}


def check(figures: dict[str, float]) -> None:
    assert figures["acknowledged"] == 600
    assert {key: figures[key] for key in CLEAN} == CLEAN


def test_no_acknowledged_event_is_lost_when_the_worker_is_killed(tmp_path: Path) -> None:
    check(asyncio.run(Torment(f"sqlite:///{tmp_path}/hooks.db", 600, 3, None).run()))


def test_no_acknowledged_event_is_lost_when_the_database_crashes() -> None:
    with postgres() as server:
        check(asyncio.run(Torment(server.url, 600, 3, server).run()))


def test_a_full_disk_is_a_clear_error_and_loses_nothing() -> None:
    figures = fill_a_disk()
    assert figures["disk_full_errors"] >= 1
    assert figures["disk_full_after_room_was_made"] == 0
    assert figures["disk_full_lost"] == figures["disk_full_duplicates"] == 0
