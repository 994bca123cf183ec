"""
A network of our own, with no way out.

aioice, Janus and browsers do not use 127.0.0.1 for media, and tests must not send anything through
a real interface. So a test moves its thread, and with it the programs it starts, into a network
namespace with one address.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ADDRESS", "NoNetwork", "own_network"]

ADDRESS = "192.0.2.10"
"""An address that is reserved for documentation (RFC 5737)."""
NEW_NETWORK = 0x4000_0000
COMMANDS = (
    "ip link set lo up",
    "ip link add talk0 type veth peer name talk1",
    f"ip addr add {ADDRESS}/24 dev talk0",
    "ip link set talk0 up",
    "ip link set talk1 up",
)


class NoNetwork(Exception):
    """This machine lets us make no network; only root may, or the program `ip` is missing."""


@contextmanager
def own_network() -> Iterator[str]:
    """Be in a network of our own meanwhile; yields its address, raises `NoNetwork`."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(NEW_NETWORK):
            raise NoNetwork(f"a network namespace: {os.strerror(ctypes.get_errno())}")
        try:
            for command in COMMANDS:
                subprocess.run(command.split(), check=True, capture_output=True)
            Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
            yield ADDRESS
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            raise NoNetwork(f"an interface of our own: {error}") from error
        finally:
            libc.setns(before, NEW_NETWORK)
    finally:
        os.close(before)
