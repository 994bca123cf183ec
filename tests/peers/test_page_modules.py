"""The page's rules, without a browser: each module by Node's own test runner."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.peers import require

MODULES = Path(__file__).parent / "page" / "modules"


@pytest.mark.parametrize("file", sorted(MODULES.glob("*.test.mjs")), ids=lambda file: file.stem)
def test_the_modules_of_the_page_keep_their_rules(file: Path) -> None:
    done = subprocess.run(
        [require("node"), "--test", str(file)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout
