"""A PostgreSQL server of our own: a folder, a port, an unprivileged user, gone afterwards."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import asyncpg

from tests.peers import missing
from tests.ports import free_port

__all__ = ["Postgres", "execute", "postgres"]

SPEED = (
    *("-c", "max_connections=50", "-c", "shared_buffers=32MB"),
    *("-c", "wal_init_zero=off", "-c", "max_wal_size=48MB"),
)
"""The settings that a small machine needs; nothing that weakens durability."""


class Postgres:
    """A running server; `stop` and `start` are for tests that need it to be away."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self.port = free_port()
        self.url = self.through(self.port)

    @staticmethod
    def through(port: int) -> str:
        """Return the URL by way of another port, where something may stand in between."""
        return f"postgresql://tester@127.0.0.1:{port}/postgres"

    def _run(self, program: str, *arguments: str) -> None:
        user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )

    def make(self) -> None:
        """Prepare the folder."""
        self._run(
            "initdb",
            "-D",
            str(self._folder),
            "-U",
            "tester",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
        )

    def start(self) -> None:
        """Start, and return once it answers."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self._folder} {' '.join(SPEED)}"
        )
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._folder), "-w", "-l", log, "-o", options, "start")

    def stop(self, how: str = "fast") -> None:
        """Stop; `immediate` is as sudden as a crash."""
        self._run("pg_ctl", "-D", str(self._folder), "-w", "-m", how, "stop")

    async def empty(self) -> None:
        """Forget every table."""
        await execute(self.url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    async def restart(self, *, away: float) -> None:
        """Crash, stay away for some seconds, and come back."""
        await asyncio.to_thread(self.stop, "immediate")
        await asyncio.sleep(away)
        await asyncio.to_thread(self.start)


async def execute(url: str, statement: str) -> None:
    """Change a database of either kind behind the back of those who have it open."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            file.execute(statement)
        return
    db = await asyncpg.connect(url)
    await db.execute(statement)
    await db.close()


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    return Path(
        shutil.which("initdb") or missing("PostgreSQL is not installed; run `make peers`")
    ).parent


@contextmanager
def postgres(disk: Path | None = None) -> Iterator[Postgres]:
    """Run a server as long as the context lasts; `disk` is where its folder is made."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="postgres", dir=disk) as name:
        folder = Path(name) / "data"
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            Path(name).chmod(0o755)
            os.chown(folder, user.pw_uid, user.pw_gid)
        server = Postgres(programs, folder)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
