#!/usr/bin/env python3
"""
A stand-in for frpc: carries connections from a port to the Unix socket that its file names.

The real one dials HaRP and HaRP opens the port; here the port is opened at once.
"""

import asyncio
import sys
import tomllib
from pathlib import Path


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main(file: Path) -> None:
    told = tomllib.loads(file.read_text())  # noqa: ASYNC240 - nothing else is done yet
    (proxy,) = told["proxies"]
    assert proxy["type"] == "tcp"
    assert proxy["plugin"]["type"] == "unix_domain_socket"
    assert told["metadatas"]["token"]
    assert not told["loginFailExit"]

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(proxy["plugin"]["unixPath"])
        await asyncio.gather(carry(reader, back), carry(there, writer))

    await asyncio.start_server(join, "127.0.0.1", proxy["remotePort"])
    await asyncio.Event().wait()


asyncio.run(main(Path(sys.argv[sys.argv.index("-c") + 1])))
