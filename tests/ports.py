"""Where the programs that tests start can listen."""

from __future__ import annotations

import random
import socket

__all__ = ["free_port"]

RANGE = range(10_000, 32_768)
"""Below those that the kernel gives to outgoing connections, which would come in between."""


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on."""
    for port in random.SystemRandom().sample(RANGE, 100):  # tests that run beside ours choose too
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
        return port
    raise OSError(f"{address}: no free port was found among {RANGE}")
