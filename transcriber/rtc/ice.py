"""
Servers that help two sides find each other.

They are always named by the caller: aiortc's default, when it is given none, is a public server
of a stranger. Credentials of relays expire, so what a peer is given is not a list but somebody
to ask for one at the moment it is needed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import aioice
from aiortc import RTCIceServer
from aiortc.rtcicetransport import connection_kwargs, parse_stun_turn_uri

from transcriber.errors import Misconfigured
from transcriber.rtc.sdp import Candidate

__all__ = [
    "AskServers",
    "IceServer",
    "arguments",
    "listed",
    "relay_credentials",
    "to_aioice",
    "to_sdp",
]


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server: `stun:host`, `turn:host?transport=udp`, `turns:host?transport=tcp`."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = field(default="", repr=False)


AskServers: TypeAlias = Callable[[], Sequence[IceServer]]


def relay_credentials(
    secret: str, *, user: str, now: float, lifetime: float = 6 * 3600
) -> tuple[str, str]:
    """Return a name and password that a relay sharing our secret takes for `lifetime` seconds."""
    name = f"{int(now + lifetime)}:{user}"
    digest = hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()
    return name, base64.b64encode(digest).decode()


def listed(text: str) -> tuple[str, ...]:
    """Return the addresses in a list with commas; raises `ValueError` for one that is none."""
    urls = tuple(url.strip() for url in text.split(",") if url.strip())
    for url in urls:
        try:
            parse_stun_turn_uri(url)
        except ValueError as error:
            raise ValueError(f"{url!r} is no server: {error}") from error
    return urls


def arguments(servers: Sequence[IceServer]) -> dict[str, Any]:
    """Return servers as aioice wants them; raises `Misconfigured` over an address that is none."""
    for server in servers:
        for url in server.urls:
            try:
                parse_stun_turn_uri(url)
            except ValueError as error:
                raise Misconfigured("ice_servers", f"{url!r} is no server: {error}") from error
    return connection_kwargs(
        [
            RTCIceServer(list(server.urls), server.username or None, server.credential or None)
            for server in servers
            if server.urls
        ]
    )


def to_aioice(found: Candidate) -> aioice.Candidate | None:
    """
    Return a candidate that can be tried, `None` for others.

    Only UDP is tried, and no `.local` name: a browser that hides its address behind one reaches us
    anyway, and asking the network for it costs a second.
    """
    if found.component != 1 or found.transport != "udp" or found.host.endswith(".local"):
        return None
    related = found.related or (None, None)
    return aioice.Candidate(
        found.foundation, found.component, "udp", found.priority, found.host, found.port,
        found.type, related_address=related[0], related_port=related[1],
    )  # fmt: skip


def to_sdp(ours: aioice.Candidate) -> Candidate:
    """Return one of our own addresses as it is written."""
    related = None
    if ours.related_address is not None and ours.related_port is not None:
        related = (ours.related_address, ours.related_port)
    return Candidate(
        ours.foundation, ours.component, ours.transport, ours.priority, ours.host, ours.port,
        ours.type, related,
    )  # fmt: skip
