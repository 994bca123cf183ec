"""`python -m transcriber`: the same as the command `transcriber`."""

from __future__ import annotations

import importlib
import signal
import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line; who interrupts it while it is still loading sees no traceback."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    cli = importlib.import_module("transcriber.cli")
    signal.signal(signal.SIGINT, before)
    return int(cli.main())


if __name__ == "__main__":
    sys.exit(main())
