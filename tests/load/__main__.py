"""`python -m tests.load`: every load command, at small sizes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMMAND = "\ndef main() -> int:\n"
SMALL = {
    "exapp": ("--rounds", "10"),
    "files": ("--minutes", "2", "--long-minutes", "10"),
    "layers": ("--rounds", "1"),
    "leak": ("--cycles", "200"),
    "loss": ("--rounds", "2"),
    "media": ("--receiver", "both"),
    "redaction": ("--sentences", "100"),
    "rooms": ("--joins", "10", "--warm", "20", "--cycles", "40"),
    "sessions": ("--sessions", "80"),
    "sfu": ("--participants", "8", "--seconds", "3", "--stock", "3"),
    "soak": ("--minutes", "1"),
    "talk": ("--joins", "10", "--rooms", "2", "--seconds", "3"),
}
"""Options that make a command quick."""


def main() -> int:
    results = [
        subprocess.run([sys.executable, "-m", f"tests.load.{name}", *SMALL.get(name, ())])
        for name in names()
    ]
    return max((result.returncode for result in results), default=0)


def names() -> list[str]:
    """Every module here that is a command; others are the far end of one."""
    found = [path for path in Path(__file__).parent.glob("*.py") if COMMAND in path.read_text()]
    return sorted(path.stem for path in found if path.stem != "__main__")


if __name__ == "__main__":
    sys.exit(main())
