"""
A name server that changes its mind, in a network of its own.

Run by `test_webhooks_guard.py` under `unshare`: the name server listens on port 53 and answers with
a public address, with a private one, or with both. Behind each address a web server counts what
reaches it. Prints the counts as JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import struct
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import httpx

from webhooks.guard import guarded_client, guarded_session

PUBLIC, PRIVATE = "93.184.216.34", "127.0.0.1"
ANSWERS = itertools.cycle([(PUBLIC,), (PRIVATE,), (PRIVATE, PUBLIC), (PUBLIC, PRIVATE)])
TRIES = 40
A_RECORD = 1


class Names(asyncio.DatagramProtocol):
    """Answers every question of the usual kind, each time differently."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\0", 12) + 5
        (kind,) = struct.unpack("!H", data[end - 4 : end - 2])
        addresses = next(ANSWERS) if kind == A_RECORD else ()
        head = data[:2] + struct.pack("!HHHHH", 0x8180, 1, len(addresses), 0, 0)
        records = b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", A_RECORD, 1, 0, 4) + socket.inet_aton(address)
            for address in addresses
        )
        self._transport.sendto(head + data[12:end] + records, addr)


async def main(folder: Path) -> None:
    prepare(folder)
    counts = {"public": 0, "private": 0, "refused": 0}

    async def answer(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counts[name] += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 None\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Names, local_addr=("127.0.0.1", 53))
    for name, address in (("public", PUBLIC), ("private", PRIVATE)):
        await asyncio.start_server(partial(answer, name), address, 8080)
    for number in range(TRIES):
        try:
            await ask(number)
        except (httpx.ConnectError, aiohttp.ClientConnectionError):
            counts["refused"] += 1
    sys.stdout.write(json.dumps(counts))


async def ask(number: int) -> None:
    url = "http://rebind.test:8080/"
    if number % 2:
        async with guarded_client() as client:
            await client.get(url)
    else:
        async with guarded_session() as session, session.get(url, allow_redirects=False):
            pass


def prepare(folder: Path) -> None:
    """Make the network, and have names asked here."""
    names = folder / "resolv.conf"
    names.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    for command in (
        ["ip", "link", "set", "lo", "up"],
        ["ip", "address", "add", f"{PUBLIC}/32", "dev", "lo"],
        ["mount", "--bind", str(names), "/etc/resolv.conf"],
    ):
        subprocess.run(command, check=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
