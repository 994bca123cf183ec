"""What the READMEs tell people to type works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

READMES = [
    path
    for path in (*Path().glob("**/README.md"), *Path("transcriber/docs").glob("*.md"))
    if ".venv" not in path.parts
]
LONG = {"make demo", "make test", "make check", "make setup", "make bench", "make peers", "make"}
"""Commands that this suite is part of, or that run for long: their dry run must work."""
DRY = {"-m pytest": "--collect-only", "-m tests.load.": "--help"}
"""Tests and benchmarks run for themselves: here it is enough that they are there."""
SERVES = re.compile(r"transcriber (serve|demo)|make serve")
"""Commands that do not end by themselves; the tests of the service run them."""
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def commands() -> list[str]:
    """Each line of each block marked `sh`."""
    blocks = [block for path in READMES for block in BLOCK.findall(path.read_text())]
    lines = [line.partition(" # ")[0].strip() for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line and not SERVES.search(line)})


def dry(command: str) -> str:
    """Return what to run instead of a command that would run for long."""
    if command in LONG:
        return f"make -n {command.removeprefix('make')}"
    return next((f"{command} {option}" for part, option in DRY.items() if part in command), command)


@pytest.mark.parametrize("command", commands())
def test_a_documented_command_works(command: str, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "DATA_DIR": str(tmp_path)}
    ran = subprocess.run(
        dry(command), shell=True, capture_output=True, text=True, timeout=300, env=env
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("path", READMES, ids=str)
def test_documented_files_exist(path: Path) -> None:
    for target in LINK.findall(path.read_text()):
        assert (path.parent / target).exists(), f"{path} links to {target}"


def test_whatever_the_index_names_is_there() -> None:
    index = Path("README.md").read_text().partition("## Where is ...?")[2]
    named = set(re.findall(r"`([\w./-]+(?:\.py|/))`", index))
    files = [path for path in Path().glob("**/*") if path.parts[0] != ".venv"]
    there = "\n".join(f"/{path}{'/' * path.is_dir()}" for path in files) + "\n"
    assert len(named) > 100
    assert not {name for name in named if f"/{name}\n" not in there}


def test_the_two_commands_are_in_the_readme() -> None:
    assert {"make demo", "make test"} <= set(commands())


def test_every_package_explains_itself() -> None:
    for package in Path().glob("*/__init__.py"):
        assert (package.parent / "README.md").exists()
