"""A NATS server with a JetStream, in a folder of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.peers import require
from tests.peers.talk.process import LOOPBACK, Process
from tests.ports import free_port

__all__ = ["NatsServer", "nats_server"]


class NatsServer:
    """A running server; its process can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"nats://{LOOPBACK}:{port}"
        command = [require("nats-server"), "-a", LOOPBACK, "-p", str(port), "-js"]
        self.process = Process([*command, "-sd", str(folder)], folder / "log", self._answers)
        self._port = port

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, self._port)
        except OSError:
            return False
        writer.close()
        return True


@asynccontextmanager
async def nats_server(folder: Path) -> AsyncIterator[NatsServer]:
    """Run a server while the block runs."""
    server = NatsServer(folder)
    await server.process.start()
    try:
        yield server
    finally:
        await server.process.stop()
