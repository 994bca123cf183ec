"""ICE over 127.0.0.1, which aioice leaves out: benchmarks must touch no real network."""

from __future__ import annotations

import aioice.ice

__all__ = ["only_loopback"]


def only_loopback() -> None:
    """Have this process gather the loopback address and nothing else."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
