"""
The program of a worker, which `transcriber serve` starts; nobody else has a use for it.

It ends when its parent does: a signal to all processes of the service must not cut off anybody's
last words.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from transcriber.app.worker import work
from transcriber.cli.setup import configured

__all__ = ["main"]


def main(path: str) -> None:
    """Work, and answer on the Unix socket at the path."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    asyncio.run(work(configured(), path))


if __name__ == "__main__":
    main(sys.argv[1])
