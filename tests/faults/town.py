"""
Everything that a captioned call needs, real, in one place, and each part of it can be broken.

Two rooms in which people speak all the time and others read, a signaling server, Janus, PostgreSQL
on a small disk, a GPU service whose model says nonsense, a receiver of webhooks, and the service
with two workers. The embedded recogniser hears the first room, the GPU service the second one, with
the embedded recogniser as its fallback. What the service says to its peers goes through proxies.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import aiohttp

from hpb.errors import HpbError
from tests.faults.instances import Hook, Instance, instance, receiving
from tests.load.processes import Tree
from tests.peers import until
from tests.peers.hpb_stack import HpbStack
from tests.peers.postgres import Postgres, postgres
from tests.peers.talk.audio import Samples, Sound
from tests.peers.talk.captioned import ROOM, Reader, reading, speaks, talking
from tests.peers.talk.process import LOOPBACK, Process
from tests.peers.talk.programs import NEWEST
from tests.peers.talk.proxy import Proxy
from tests.ports import free_port
from transcriber.store import Store, open_store
from transcriber.transcripts.permission import Permissions

__all__ = ["ROOMS", "Town", "small_disk"]

ROOMS = {ROOM: "local", "second": "kyutai; fallback local"}
"""Rooms, and who hears them."""
TOKEN = "the token of the administrator"
LISTENING = re.compile(r"listening on (\S+)")
NEW_MOUNTS = 0x0002_0000
"""The kernel's name for it: CLONE_NEWNS."""
DISK = 180
"""Megabytes of the database's disk: twice what it has after a quiet hour."""
UNWELCOME = (OSError, TimeoutError, aiohttp.ClientError, HpbError, AssertionError, ExceptionGroup)
"""What somebody meets who comes into a call while something is broken."""


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a small disk where only this program and its children see it; for the main thread."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "a disk of one's own cannot be mounted")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    folder.mkdir()
    folder.parent.chmod(0o755)  # the database is not run by us
    size = f"size={DISK}m,mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


class Town:
    """All of it; `async with` starts everything, and returns when every room has captions."""

    talk: HpbStack
    database: Postgres
    gpu: Process
    service: Instance
    store: Store
    hook: Hook
    readers: dict[str, Reader]
    proxies: dict[str, Proxy]

    def __init__(self, folder: Path, disk: Path, sentence: Samples) -> None:
        self.disk = disk
        self._folder, self._sentence = folder, sentence
        self._stack = AsyncExitStack()
        self._speaking: dict[str, asyncio.Event] = {}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._servers(stack)
            await self._people(stack)
            self.service = await stack.enter_async_context(
                instance(
                    self.talk, Postgres.through(self.proxies["database"].port), self._folder,
                    LT_HPB_URL=self.proxies["signaling"].url,
                    STT_STREAM_URL=self.proxies["gpu"].url.replace("http", "ws") + "/v1/stream",
                    ASR_BACKEND=ROOMS[ROOM], WORKERS="2", TRANSCRIPTS="true", API_TOKEN=TOKEN,
                )
            )  # fmt: skip
            self.service.cloud.talk.rooms |= ROOMS.keys()
            await self._captions()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.aclose()

    @property
    def tree(self) -> Tree:
        """The processes of the service."""
        return Tree(self.service.process.pid)

    def people_come_back(self) -> None:
        """Have everybody who speaks come in anew: their media has died with a server."""
        for event in self._speaking.values():
            event.set()

    async def _servers(self, stack: AsyncExitStack) -> None:
        self.talk = await stack.enter_async_context(talking(NEWEST))
        self.talk.nextcloud.rooms |= {room: {"name": room, "type": 2} for room in ROOMS}
        self.database = stack.enter_context(postgres(self.disk))
        self.store = await stack.enter_async_context(open_store(self.database.url))
        self.hook = await stack.enter_async_context(receiving(self.database.url))
        port = free_port()
        command = [sys.executable, "-m", "modal_app", "serve", "--model", "loopback"]
        self.gpu = Process([*command, "--port", str(port)], self._folder / "gpu.log", _open(port))
        stack.push_async_callback(self.gpu.stop)
        await self.gpu.start()
        ports = {"signaling": self.talk.port, "database": self.database.port, "gpu": port}
        self.proxies = {
            name: await stack.enter_async_context(Proxy(port)) for name, port in ports.items()
        }

    async def _people(self, stack: AsyncExitStack) -> None:
        self.readers = {
            room: await stack.enter_async_context(reading(self.talk, f"reader-{room}", room))
            for room in ROOMS
        }
        permissions = Permissions(self.store)
        for room in ROOMS:
            await permissions.give(room, by="users/reader", title=room)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        for room in ROOMS:
            self._speaking[room] = asyncio.Event()
            stack.callback(tasks.create_task(self._speak(room)).cancel)

    async def _speak(self, room: str) -> None:
        """Be in the call and speak, again and again."""
        again = self._speaking[room]
        while True:
            with contextlib.suppress(*UNWELCOME):
                sound = Sound(self._sentence)
                async with speaks(self.talk, f"speaker-{room}", sound, room):
                    await self.talk.nextcloud.set_in_call(f"nc-reader-{room}", 1)
                    await again.wait()
            again.clear()
            await asyncio.sleep(0.5)

    async def _captions(self) -> None:
        """Press the buttons, choose who hears, and wait for words."""
        await until(lambda: LISTENING.search(self.service.process.output))
        (url,) = LISTENING.findall(self.service.process.output)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(url, headers=headers) as http:
            for room, engine in ROOMS.items():
                await self.service.press(f"nc-reader-{room}", room)
                async with http.patch(f"/api/v1/calls/{room}", json={"engine": engine}) as answer:
                    assert answer.status == 200, await answer.text()
        readers = self.readers.values()
        await until(lambda: all(reader.captions for reader in readers), seconds=60)


def _open(port: int) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.close()
            return True
        return False

    return ready
