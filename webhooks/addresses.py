"""
Which addresses a request on behalf of a user may go to.

An administrator's network is full of things that trust whoever can reach them: cloud metadata,
databases, routers. So an address is allowed only when it is public. For IPv6 that means the
block from which public addresses are given, less what is reserved in it or carries an IPv4
address inside; IPv4 is public unless a register says otherwise. The judgement is about the
address that is connected to, never about the text of a URL, because only the former cannot lie.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from webhooks.errors import BadUrl

__all__ = ["Addresses", "check_url"]

Network = IPv4Network | IPv6Network

RESERVED_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; a cloud's metadata too
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata too
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; broadcast
        "168.63.129.16/32",  # a cloud's host agent, though in public space
    )
)
PUBLIC_6 = IPv6Network("2000::/3")
RESERVED_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID, ...
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
LONGEST_URL = 2048
"""Characters of a URL: more is not portable."""


class Addresses:
    """Judges addresses; `allowed` are networks that an administrator permits in spite of it all."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed: tuple[Network, ...] = tuple(ip_network(text) for text in allowed)

    def permits(self, address: str) -> bool:
        """Whether an address, as the system is about to connect to it, may be connected to."""
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        if isinstance(ip, IPv6Address):
            if ip.scope_id is not None:
                return False
            ip = ip.ipv4_mapped or ip
        return any(ip in network for network in self._allowed) or _public(ip)


def _public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in RESERVED_4)
    return ip in PUBLIC_6 and not any(ip in network for network in RESERVED_6)


def check_url(url: str) -> None:
    """Raise `BadUrl` when a text can never be the address of a webhook, and say why."""
    if len(url) > LONGEST_URL:
        raise BadUrl(f"the URL is longer than {LONGEST_URL} characters")
    if not url.isascii() or any(letter <= " " or letter == "\\" for letter in url):
        raise BadUrl("the URL has letters that must be encoded")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadUrl("the URL has a malformed host or port") from error
    if parts.scheme not in ("http", "https"):
        raise BadUrl("the URL must begin with https:// or http://")
    if "@" in parts.netloc:
        raise BadUrl("the URL must not hold a name or a password")
    if not host or port == 0:
        raise BadUrl("the URL needs a host, and a port other than 0 if it names one")
    if "%" in host:
        raise BadUrl("the URL's host must not have a zone or encoded letters")
    if parts.fragment:
        raise BadUrl("the URL must not have a fragment")
