"""`python -m tests.load`: every load command, at small sizes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SMALL = {
    "exapp": ("--rounds", "10"),
    "files": ("--minutes", "2", "--long-minutes", "10"),
    "layers": ("--rounds", "1"),
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
    here = Path(__file__).parent
    names = sorted(p.stem for p in here.glob("*.py") if "def main(" in p.read_text())
    results = [
        subprocess.run([sys.executable, "-m", f"tests.load.{name}", *SMALL.get(name, ())])
        for name in names
        if name != "__main__"
    ]
    return max((result.returncode for result in results), default=0)


if __name__ == "__main__":
    sys.exit(main())
