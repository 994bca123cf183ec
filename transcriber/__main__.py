"""`python -m transcriber`: the same as the command `transcriber`."""

from __future__ import annotations

import sys

from transcriber.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
