"""A small run of what `python -m tests.faults.chaos` does at length."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pytest

from tests.peers import require
from tests.peers.talk.programs import NEWEST, signaling_server


async def test_no_final_sentence_is_lost_and_no_room_dies_whatever_breaks() -> None:
    if os.geteuid():
        pytest.skip("only root may have a network and a disk of his own")
    for program in ("janus", "ip", "mount"):
        require(program)
    signaling_server(NEWEST)
    options = ("--minutes", "0.2", "--seed", "5", "--json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.chaos", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, log = await process.communicate()
    assert said, log.decode()
    figures = json.loads(said.splitlines()[-1])["figures"]
    assert figures["finals_unaccounted"] == figures["rooms_dead"] == 0, log.decode()
    assert figures["finals_shown"]
