"""
Servers that help two sides find each other.

They are always named by the caller: aiortc's default, when it is given none, is a public server
of a stranger. Credentials of relays expire, so what a peer is given is not a list but somebody
to ask for one at the moment it is needed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import random
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import aioice
from aioice.ice import StunProtocol, relayed_candidate, server_reflexive_candidate
from aioice.stun import TransactionError
from aiortc import RTCIceServer
from aiortc.rtcicetransport import connection_kwargs, parse_stun_turn_uri

from transcriber.errors import Misconfigured
from transcriber.rtc.sdp import Candidate

__all__ = [
    "AskServers",
    "Connection",
    "IceServer",
    "arguments",
    "listed",
    "relay_credentials",
    "to_aioice",
    "to_sdp",
]

CHECKING, REPEATED, GONE = 5.0, 2, 4
"""
Seconds from an answer to the next question whether they are there; how often it is repeated within
the three and a half seconds in which it can be answered; unanswered ones until they are gone: about
half a minute in all (RFC 7675).
"""
ASKING = 5.0
"""Seconds for servers to answer; then we go on with the addresses that we have."""


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server: `stun:host`, `turn:host?transport=udp`, `turns:host?transport=tcp`."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = field(default="", repr=False)


AskServers: TypeAlias = Callable[[], Sequence[IceServer]]
_Answer: TypeAlias = tuple[aioice.Candidate, StunProtocol | None]
_Question: TypeAlias = Coroutine[Any, Any, _Answer]


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


class Connection(aioice.Connection):
    """
    aioice's own, with two exceptions.

    Nobody is asked on when the answer is not waited for any more. And nobody is taken for gone who
    answers late, over a slow network or from a busy machine: aioice gives everybody half a second.
    """

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],
        timeout: int = 0,  # noqa: ASYNC109 - theirs
    ) -> list[aioice.Candidate]:
        """Return our own addresses, and those that servers find for us in time."""
        stun, turn = self.stun_server, self.turn_server
        self.stun_server = self.turn_server = None
        try:
            found = await super().get_component_candidates(component, addresses)
        finally:
            self.stun_server, self.turn_server = stun, turn
        asked = [asyncio.create_task(question) for question in self._questions(component)]
        try:
            if asked:
                await asyncio.wait(asked, timeout=ASKING)
        finally:
            for task in asked:
                task.cancel()
            found += self._answers(asked)
        return found

    async def query_consent(self) -> None:
        """Ask now and then whether they are still there, and close when they are not."""
        unanswered = 0
        while unanswered < GONE:
            await asyncio.sleep(CHECKING * random.uniform(0.8, 1.2))
            for pair in self._nominated.values():
                question = self.build_request(pair, nominate=False)
                key = str(self.remote_password).encode()
                try:
                    await pair.protocol.request(
                        question, pair.remote_addr, integrity_key=key, retransmissions=REPEATED
                    )
                    unanswered = 0
                except TransactionError:
                    unanswered += 1
        self._query_consent_task = None
        await self.close()

    def _questions(self, component: int) -> Iterator[_Question]:
        """Yield what to ask the servers."""
        if self.stun_server:
            for protocol in self._protocols:
                if ipaddress.ip_address(protocol.local_candidate.host).version == 4:
                    yield server_reflexive_candidate(protocol, self.stun_server)
        if self.turn_server:
            yield relayed_candidate(
                component=component,
                hide_related_address=False,
                protocol_factory=lambda: StunProtocol(self),
                turn_server=self.turn_server,
                turn_username=self.turn_username,
                turn_password=self.turn_password,
                turn_ssl=self.turn_ssl,
                turn_transport=self.turn_transport,
            )

    def _answers(self, asked: Sequence[asyncio.Task[_Answer]]) -> Iterator[aioice.Candidate]:
        for task in asked:
            if task.done() and not task.exception():
                candidate, protocol = task.result()
                if protocol is not None:
                    self._protocols.append(protocol)
                yield candidate
