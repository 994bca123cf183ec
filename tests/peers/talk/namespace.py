"""
A network of one's own.

Janus offers no loopback addresses, and no test may send media through a real interface. So a test
with audio moves into a fresh network namespace with one address that leads nowhere; servers it
starts and sockets it opens are in there with it. Only root may do that; others skip such tests.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.peers import missing, require

__all__ = ["ADDRESS", "own_network"]

ADDRESS = "192.0.2.10"
"""The only address of the network besides loopback; reserved for examples."""

NEW_NETWORK = 0x4000_0000
"""The kernel's name for it: CLONE_NEWNET."""

SETUP = (
    "link set lo up",
    "link add talk0 type veth peer name talk1",
    f"addr add {ADDRESS}/24 dev talk0",
    "link set talk0 up",
    "link set talk1 up",
)


@contextlib.contextmanager
def own_network() -> Iterator[str]:
    """Move this thread into a network of its own for a while; gives the address to use."""
    ip = require("ip")
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as before:
        if libc.unshare(NEW_NETWORK):
            missing(f"a network namespace of one's own: {os.strerror(ctypes.get_errno())}")
        try:
            for step in SETUP:
                subprocess.run([ip, *step.split()], check=True, timeout=10)
            yield ADDRESS
        finally:
            if libc.setns(before.fileno(), NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "cannot return to the machine's network")
