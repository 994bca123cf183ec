"""The engine that the README writes is an engine."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from transcriber import config, engines

README = Path("transcriber/engines/README.md")


@pytest.fixture
def sample(tmp_path: Path) -> tuple[Path, str]:
    """The folder with the engine and its test, and the line of the registry."""
    engine, line, test = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.S | re.M)
    (tmp_path / "parrot.py").write_text(engine)
    (tmp_path / "test_parrot.py").write_text(test)
    return tmp_path, line


def test_one_line_registers_it(sample: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, line = sample
    monkeypatch.syspath_prepend(folder)
    for name, place in ast.literal_eval(f"{{{line}}}").items():
        monkeypatch.setitem(engines.STT, name, place)
    assert engines.stt("parrot").info.title == "Parrot"
    settings = config.load({"PARROT_URL": "ws://there"})
    assert engines.stt("parrot")(settings.engines["parrot"]).unusable() == ""
    assert "PARROT_URL" in config.markdown()


def test_it_keeps_the_promises_of_a_recogniser(sample: tuple[Path, str]) -> None:
    folder, _ = sample
    command = [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", "--rootdir", "."]
    env = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}."}
    ran = subprocess.run(
        [*command, str(folder)], capture_output=True, text=True, timeout=120, env=env
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"\b1\d passed", ran.stdout)
