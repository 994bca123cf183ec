"""
A network of our own, with no way out.

aioice, Janus and browsers do not use 127.0.0.1 for media, and tests must not send anything through
a real interface. So a test moves its thread, and with it the programs it starts, into a network
namespace with one address. There can be a second machine at the other end of its cable, whose
network is slow, or gone for a while.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["ADDRESS", "Machine", "NoNetwork", "other_machine", "own_network"]

ADDRESS = "192.0.2.10"
"""An address that is reserved for documentation (RFC 5737)."""
ELSEWHERE = "192.0.2.11"
"""The address of the other machine."""
NEW_NETWORK = 0x4000_0000
HERE = "/proc/thread-self/ns/net"
LIBC = ctypes.CDLL(None, use_errno=True)
COMMANDS = (
    "ip link set lo up",
    "ip link add talk0 type veth peer name talk1",
    f"ip addr add {ADDRESS}/24 dev talk0",
    "ip link set talk0 up",
    "ip link set talk1 up",
)


class NoNetwork(Exception):
    """This machine lets us make no network; only root may, or the program `ip` is missing."""


class Machine:
    """Another machine; a program runs there if `command` stands before it."""

    def __init__(self, namespace: int) -> None:
        self._namespace = namespace
        self._path = f"/proc/{os.getpid()}/fd/{namespace}"
        self.command = ("nsenter", f"--net={self._path}")

    def connect(self) -> None:
        """Lay a cable to it."""
        _run(f"ip link add far0 type veth peer name far1 netns {self._path}")
        _run("ip link set far0 up")
        _run(f"ip route add {ELSEWHERE}/32 dev far0 src {ADDRESS}")
        for command in ("link set lo up", f"addr add {ELSEWHERE}/24 dev far1", "link set far1 up"):
            self._ip(command)

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Return a socket of this machine's, of the kind that the address of a host is."""
        with _inside(self._namespace):
            return socket.socket(*info[:3])

    def lose(self) -> None:
        """Take its network away, until `find`."""
        self._ip("link set far1 down")

    def find(self) -> None:
        """Give its network back."""
        self._ip("link set far1 up")

    def slow(self, kbits: int) -> None:
        """Let only so much come to it a second; 0: everything."""
        how = f"replace dev far0 root tbf rate {kbits}kbit burst 8kb latency 300ms"
        _run(f"tc qdisc {how if kbits else 'del dev far0 root'}")

    def _ip(self, command: str) -> None:
        _run(" ".join((*self.command, "ip", command)))


@contextmanager
def own_network() -> Iterator[str]:
    """Be in a network of our own meanwhile; yields its address, raises `NoNetwork`."""
    with _new() as namespace, _inside(namespace):
        for command in COMMANDS:
            _run(command)
        yield ADDRESS


@contextmanager
def other_machine() -> Iterator[Machine]:
    """Have another machine beside our own network; raises `NoNetwork`."""
    with _new() as namespace:
        machine = Machine(namespace)
        machine.connect()
        yield machine


@contextmanager
def _new() -> Iterator[int]:
    """
    Make a namespace; it lives as long as this, and whatever runs in it.

    It has no IPv6, whose addresses come late: browsers begin anew whenever an address changes.
    """
    with _kept():
        if LIBC.unshare(NEW_NETWORK):
            raise NoNetwork(f"a network namespace: {os.strerror(ctypes.get_errno())}")
        Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
        namespace = os.open(HERE, os.O_RDONLY)
    try:
        yield namespace
    finally:
        os.close(namespace)


@contextmanager
def _inside(namespace: int) -> Iterator[None]:
    with _kept():
        LIBC.setns(namespace, NEW_NETWORK)
        yield


@contextmanager
def _kept() -> Iterator[None]:
    """Be afterwards where we are now."""
    before = os.open(HERE, os.O_RDONLY)
    try:
        yield
    finally:
        LIBC.setns(before, NEW_NETWORK)
        os.close(before)


def _run(command: str) -> None:
    try:
        done = subprocess.run(command.split(), capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NoNetwork(f"{command}: {error}") from error
    if done.returncode:
        raise NoNetwork(f"{command}: {done.stderr.strip()}")
