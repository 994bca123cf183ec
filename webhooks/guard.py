"""
HTTP that cannot be turned against the network it is sent from.

The address is judged when it is connected to, after every name, literal and redirect trick has
been resolved by the system: what is judged is what is used. Redirects are not followed, proxies
of the environment are not used (they would connect for us), cookies are not kept.

There are two doors with one lock. `guarded_client` is httpx, for code that makes a request now and
then. `guarded_session` is aiohttp, for the worker: a request costs it a twentieth of the time.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from typing import Any

import aiohttp
import anyio
import httpcore
import httpx

from webhooks.addresses import Addresses
from webhooks.errors import Refused

__all__ = ["guarded_client", "guarded_session"]

TIMEOUT = 10.0
"""Seconds for a whole request, unless the caller says otherwise."""


def guarded_client(
    *,
    allowed: Iterable[str] = (),
    timeout: float = TIMEOUT,
    user_agent: str = "Transcriber/1",
    tls: ssl.SSLContext | None = None,
) -> httpx.AsyncClient:
    """
    Make a client for addresses that users set; enter it, or close it.

    A forbidden address raises `httpx.ConnectError`, as one that cannot be reached. `allowed` are
    networks that an administrator permits, such as `10.1.0.0/16`; `tls` says whom to believe, in
    place of the authorities that the system knows (or `SSL_CERT_FILE` names).
    """
    context = tls or ssl.create_default_context()
    transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False)
    # httpx makes the pool itself and has no argument for its backend.
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=context, network_backend=_Backend(Addresses(allowed))
    )
    return httpx.AsyncClient(
        transport=transport,
        timeout=timeout,
        trust_env=False,
        follow_redirects=False,
        headers={"User-Agent": user_agent},
    )


class _Backend(httpcore.AsyncNetworkBackend):
    """Resolves a name itself, and connects to no address that has not been judged."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first permitted address that answers."""
        problem: Exception = Refused(f"{host} has no address that may be connected to")
        for address in await _resolve(host, port):
            if not self._addresses.permits(address):
                continue
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        if isinstance(problem, Refused):
            raise httpcore.ConnectError(str(problem)) from problem
        raise problem

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise httpcore.ConnectError("sockets of this machine may not be connected to")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host} cannot be resolved") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def guarded_session(
    *, allowed: Iterable[str] = (), connections: int = 0, tls: ssl.SSLContext | None = None
) -> aiohttp.ClientSession:
    """
    Make a session for many requests; enter it, or close it.

    A forbidden address raises `aiohttp.ClientConnectorError` around `Refused`. Who sends must
    pass `allow_redirects=False`: aiohttp has no setting for it.
    """
    addresses = Addresses(allowed)

    def open_socket(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, target = info
        if not addresses.permits(_text(target)):
            raise Refused(f"{target[0]} is no address that may be connected to")
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(
        limit=connections, use_dns_cache=False, socket_factory=open_socket, ssl=tls or True
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=("User-Agent", "Accept-Encoding"),
    )


def _text(target: tuple[Any, ...]) -> str:
    """Write a socket's address with its zone, if it has one."""
    zone = target[3] if len(target) == 4 else 0
    return f"{target[0]}%{zone}" if zone and "%" not in target[0] else str(target[0])
