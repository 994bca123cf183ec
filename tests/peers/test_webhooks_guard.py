"""Requests that must not reach what is private, against real sockets and a real name server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.peers import missing, require
from webhooks import guarded_client
from webhooks.errors import Refused
from webhooks.guard import guarded_session

HOSTS = """
127.0.0.1 127.1 127.0.1 127.0.0.1. 127.000.000.001 2130706433 0x7f000001 0x7F000001 0x7f.0.0.1
0x7f.1 0177.0.0.1 017700000001 0177.1 00000177.00.00.01 127.0.0.2 127.255.255.254 0.0.0.0 0 0x0
0.0 localhost LOCALHOST localhost. ⓛocalhost ①②⑦.⓪.⓪.① 127。0。0。1 127%2e0%2e0%2e1 [::1] [::]
[0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::ffff:127.0.0.1] [::ffff:7f00:1]
[0:0:0:0:0:ffff:127.0.0.1] [::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::127.0.0.1] [2002:7f00:1::]
[2002:7f00:1::1] [fe80::1] [fe80::1%25lo] [fe80::1%25eth0] [::1%25lo] 169.254.169.254 2852039166
0xa9fea9fe 0251.0376.0251.0376 169.254.43518 [::ffff:a9fe:a9fe] [::ffff:169.254.169.254]
[64:ff9b::a9fe:a9fe] [2002:a9fe:a9fe::] [fd00:ec2::254] 100.100.100.200 192.0.0.192 168.63.129.16
10.0.0.1 10.1 167772161 172.16.0.1 172.31.255.255 192.168.0.1 192.168.1 3232235521 100.64.0.1
198.18.0.1 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 224.0.0.1 240.0.0.1 255.255.255.255
[fc00::1] [fd12:3456::1] [fec0::1] [ff02::1] [2001:db8::1] [2001::1] [2001:20::1] [3fff::1]
[100::1] [5f00::1] user@127.0.0.1 93.184.216.34@127.0.0.1 93.184.216.34:80@127.0.0.1
93.184.216.34%2f@127.0.0.1
""".split()  # noqa: SIM905 - a list of so many words is read like this
REASONS = ("cannot be resolved", "may be connected to")
NEVER = (
    Refused,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
    aiohttp.InvalidURL,
    aiohttp.ClientConnectorDNSError,
)


@pytest.fixture
async def private() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on this machine that nobody may reach, and what has reached it."""
    reached: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.readline())
        writer.write(
            b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield port, reached


def refused(error: BaseException | None) -> bool:
    """Whether the guard was the reason, and not a network that happens to be away."""
    while error is not None:
        if isinstance(error, NEVER) or any(reason in str(error) for reason in REASONS):
            return True
        error = getattr(error, "os_error", None) or error.__cause__ or error.__context__
    return False


@pytest.mark.parametrize("host", HOSTS)
async def test_httpx_is_guarded(host: str, private: tuple[int, list[bytes]]) -> None:
    port, reached = private
    async with guarded_client(timeout=5) as client:
        with pytest.raises((httpx.TransportError, httpx.InvalidURL)) as failure:
            await client.post(f"http://{host}:{port}/")
    assert refused(failure.value), repr(failure.value)
    assert not reached


@pytest.mark.parametrize("host", HOSTS)
async def test_aiohttp_is_guarded(host: str, private: tuple[int, list[bytes]]) -> None:
    port, reached = private
    async with guarded_session() as session:
        with pytest.raises((aiohttp.ClientError, ValueError)) as failure:
            await session.post(f"http://{host}:{port}/", allow_redirects=False)
    assert refused(failure.value), repr(failure.value)
    assert not reached


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "unix:///run/x.sock"])
async def test_only_http_is_spoken(url: str) -> None:
    async with guarded_client() as client, guarded_session() as session:
        with pytest.raises(httpx.UnsupportedProtocol):
            await client.get(url)
        with pytest.raises(aiohttp.ClientError):
            await session.get(url)


async def test_a_permitted_network_is_reached_and_its_redirect_is_not_followed(
    private: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, reached = private
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    allowed = ["127.0.0.0/8"]
    async with guarded_client(allowed=allowed) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 302
    async with (
        guarded_session(allowed=allowed) as session,
        session.get(f"http://127.0.0.1:{port}/", allow_redirects=False) as response,
    ):
        assert response.status == 302
    assert len(reached) == 2


def test_a_name_server_that_changes_its_mind_gains_nothing(tmp_path: Path) -> None:
    alone = [require("unshare"), "-rnm"]
    if subprocess.run([*alone, "true"], check=False).returncode:
        missing("a network of its own is not allowed here")
    command = [*alone, sys.executable, "-m", "tests.peers.rebinding", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["private"] == 0
    assert counts["public"] >= 10
    assert counts["refused"] >= 5
