"""Each import contract, broken on purpose: `make check` must notice."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

BREAKS = {
    "The application has layers": ("transcriber/audio/level.py", "import transcriber.session"),
    "Protocol cores do no IO": ("transcriber/audio/level.py", "import asyncio"),
    "The signaling library stands alone, and only the Talk connector speaks through it": (
        "transcriber/session/session.py",
        "import hpb",
    ),
    "Heavy packages have one home each": ("transcriber/session/session.py", "import av"),
}
"""For each contract the file and the line that break it."""
CONFIG = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["importlinter"]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    env = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in CONFIG["root_packages"]:
        shutil.copytree(package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy("pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("contract", [one["name"] for one in CONFIG["contracts"]])
def test_a_broken_contract_is_noticed(contract: str, copy: Path) -> None:
    path, line = BREAKS[contract]
    (copy / path).write_text(f"{(copy / path).read_text()}\n{line}\n")
    ran = lint(copy)
    assert ran.returncode == 1
    assert f"{contract} BROKEN" in ran.stdout


def test_a_module_without_a_layer_is_noticed(copy: Path) -> None:
    (copy / "transcriber/utils.py").write_text('"""No home."""\n')
    assert lint(copy).returncode == 1


def test_the_tree_as_it_is_keeps_them_all(copy: Path) -> None:
    ran = lint(copy)
    assert ran.returncode == 0, ran.stdout
