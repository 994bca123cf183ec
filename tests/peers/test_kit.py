"""What the test kit promises: whatever a test leaves behind fails it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LITTER = """
import asyncio, socket, threading, time, warnings

KEPT = []

async def test_task():
    KEPT.append(asyncio.create_task(asyncio.sleep(60)))

def test_thread():
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()

def test_socket():
    KEPT.append(socket.socket())

def test_file(tmp_path):
    KEPT.append((tmp_path / "left").open("w"))

def test_warning():
    warnings.warn("old", DeprecationWarning)

def test_coroutine():
    asyncio.sleep(0)

async def test_tidy():
    with socket.socket():
        await asyncio.create_task(asyncio.sleep(0))
"""


def test_whatever_a_test_leaves_behind_fails_it(tmp_path: Path) -> None:
    file = tmp_path / "test_litter.py"
    file.write_text(LITTER)
    options = ("-c", "pyproject.toml", "--rootdir", ".", "-p", "tests.conftest", "-rA", "-q")
    command = [sys.executable, "-m", "pytest", *options, str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    told = re.findall(r"^(\w+) \S*::test_(\w+)", ran.stdout, re.MULTILINE)
    failed = {name for verdict, name in told if verdict in {"FAILED", "ERROR"}}
    assert failed == {"task", "thread", "socket", "file", "warning", "coroutine"}, ran.stdout
    assert ("PASSED", "tidy") in told
