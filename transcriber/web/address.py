"""
Where a request comes from.

Behind a proxy that is the proxy, unless it is trusted: then its word counts, which is the last
address of `X-Forwarded-For`, and so on while that is trusted too. What comes over a Unix socket
comes from a process of ours. Whatever others write into the header counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network

__all__ = ["Proxies", "neighbourhood"]

SEEN = 20
"""Proxies in a row that are looked at."""
HOUSEHOLD = 64
"""Bits that the IPv6 addresses of one subscriber have in common."""


class Proxies:
    """The networks of proxies whose word counts; `ValueError` for what is no network."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = tuple(ip_network(text) for text in networks)

    def origin(self, peer: str, forwarded: str) -> str:
        """Return the address of who asks, given who is connected and what the header says."""
        chain = [hop.strip() for hop in forwarded.split(",")][-SEEN:] if forwarded else []
        while chain and self._trusted(peer):
            try:
                peer = str(ip_address(chain.pop()))
            except ValueError:
                break
        return peer

    def _trusted(self, peer: str) -> bool:
        if not peer:
            return True
        address = ip_address(peer.partition("%")[0])
        return any(address in network for network in self._networks)


def neighbourhood(address: str) -> str:
    """Return what one subscriber has: an IPv4 address, or all IPv6 addresses that begin alike."""
    host = address.partition("%")[0]
    if host and isinstance(ip_address(host), IPv6Address):
        return str(ip_network((host, HOUSEHOLD), strict=False))
    return host
