"""
The way in when Nextcloud reaches us through HaRP, its proxy for apps.

Then no port of ours is open: we listen on a Unix socket, and a program that comes with us, `frpc`,
dials HaRP and carries what comes from there to the socket. It is our child: started with us,
started again when it ends, stopped with us.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from transcriber import aio
from transcriber.errors import Misconfigured

__all__ = ["Harp", "configuration", "tunnel"]

CERTIFICATES = Path("/certs/frp")
"""Where AppAPI puts what the tunnel is encrypted with, if it is."""
NAME = "harp.nc"
"""What HaRP's certificate calls itself."""
STOP = 5.0
"""Seconds for the program to end before it is killed."""
STEADY = 30.0
"""Seconds that it must have run for its next end to count as the first."""
OUTPUT = 2
"""Where the program writes to: beside our log."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Harp:
    """Where HaRP is, what it knows us by, and where we listen."""

    address: str
    port: int
    key: str = field(repr=False)
    app_id: str
    app_port: int
    socket: str


def configuration(harp: Harp, certificates: Path | None) -> str:
    """Return what the program reads: TOML, whose strings are written as JSON's are."""
    lines = [
        f"serverAddr = {json.dumps(harp.address)}",
        f"serverPort = {harp.port}",
        "loginFailExit = false",
        f"transport.tls.enable = {json.dumps(certificates is not None)}",
    ]
    if certificates:
        files = {
            "certFile": "client.crt",
            "keyFile": "client.key",
            "trustedCaFile": "ca.crt",
        }
        lines += [
            f"transport.tls.{name} = {json.dumps(str(certificates / file))}"
            for name, file in files.items()
        ]
        lines.append(f"transport.tls.serverName = {json.dumps(NAME)}")
    lines += [
        f"metadatas.token = {json.dumps(harp.key)}",
        "",
        "[[proxies]]",
        f"name = {json.dumps(harp.app_id)}",
        'type = "tcp"',
        f"remotePort = {harp.app_port}",
        "[proxies.plugin]",
        'type = "unix_domain_socket"',
        f"unixPath = {json.dumps(harp.socket)}",
    ]
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def tunnel(
    harp: Harp, *, program: str = "frpc", certificates: Path = CERTIFICATES
) -> AsyncIterator[None]:
    """Carry HaRP's calls to our socket while the block runs."""
    path = shutil.which(program)
    if path is None:
        raise Misconfigured(
            "HP_SHARED_KEY",
            f"the program {program} is not installed, which carries HaRP's calls to us",
            remedy="use our image, or install it",
        )
    with tempfile.TemporaryDirectory(prefix="frpc-") as folder:  # readable by nobody else
        file = _write(harp, Path(folder), certificates)
        async with aio.alongside(_keep_running(path, file)):
            yield


def _write(harp: Harp, folder: Path, certificates: Path) -> Path:
    file = folder / "frpc.toml"
    file.write_text(configuration(harp, certificates if certificates.is_dir() else None))
    return file


async def _keep_running(program: str, file: Path) -> None:
    clock, waits = asyncio.get_running_loop().time, aio.backoff()
    while True:
        began = clock()
        code = await _run(program, file)
        if clock() - began > STEADY:
            waits = aio.backoff()
        pause = next(waits)
        log.warning("tunnel to HaRP ended", code=code, pause=round(pause, 1))
        await asyncio.sleep(pause)


async def _run(program: str, file: Path) -> int:
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(file), stdin=asyncio.subprocess.DEVNULL, stdout=OUTPUT
    )
    log.info("tunnel to HaRP started", pid=process.pid)
    try:
        return await process.wait()
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            # Not asyncio.timeout: before Python 3.11.5 it raises no TimeoutError while cancelled.
            await asyncio.wait_for(process.wait(), STOP)
        except TimeoutError:
            process.kill()
    await process.wait()
