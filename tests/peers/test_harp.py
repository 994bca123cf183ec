"""Nextcloud reaches us through HaRP: over a Unix socket, and a tunnel that is kept up."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.peers import until
from tests.ports import free_port
from transcriber.connectors.nextcloud.tunnel import Harp, tunnel
from transcriber.errors import Misconfigured
from transcriber.telemetry import METRICS
from transcriber.web import health
from transcriber.web.server import application, listen_here

FRPC = str(Path(__file__).with_name("frpc.py").absolute())


def harp(folder: Path) -> Harp:
    return Harp(
        address="harp.invalid",
        port=8782,
        key='k"e\\y',
        app_id="live_transcription",
        app_port=free_port(),
        socket=str(folder / "exapp.sock"),
    )


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def mode_of_folder(link: Path) -> int:
    return stat.S_IMODE(link.resolve().parent.stat().st_mode)


def lives_on(link: Path) -> bool:
    return link.exists()


async def answers(port: int) -> bool:
    async with aiohttp.ClientSession() as http:
        try:
            async with http.get(f"http://127.0.0.1:{port}/health") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


async def comes_up(port: int) -> None:
    async with asyncio.timeout(20):
        while not await answers(port):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def test_calls_come_through_the_tunnel_and_it_is_kept_up(tmp_path: Path) -> None:
    where = harp(tmp_path)

    async def unready() -> str:
        return ""

    routes = health.routes(unready=unready, metrics=METRICS.registry)
    app = application([one for one in routes if one.auth.kind == "public"], {})
    with capture_logs() as logs:
        async with listen_here(app, where.socket), tunnel(where, program=FRPC):
            await comes_up(where.app_port)
            (started,) = [line for line in logs if line["event"] == "tunnel to HaRP started"]
            os.kill(started["pid"], signal.SIGKILL)
            await until(lambda: any(line["event"] == "tunnel to HaRP ended" for line in logs))
            await comes_up(where.app_port)
        pids = [line["pid"] for line in logs if line["event"] == "tunnel to HaRP started"]
    assert len(pids) == 2
    assert not lives(pids[-1])
    assert not await answers(where.app_port)


async def test_a_program_that_will_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transcriber.connectors.nextcloud.tunnel.STOP", 0.3)
    stubborn = tmp_path / "stubborn"
    ready = tmp_path / "ready"
    stubborn.write_text(f"#!/bin/sh\ntrap '' TERM\n: > {ready}\nwhile :; do sleep 0.1; done\n")
    stubborn.chmod(0o700)
    with capture_logs() as logs:
        async with tunnel(harp(tmp_path), program=str(stubborn)):
            await until(ready.exists)
    (pid,) = [line["pid"] for line in logs if "pid" in line]
    assert not lives(pid)


async def test_what_the_program_reads_is_nobody_elses_to_read(tmp_path: Path) -> None:
    spy = tmp_path / "spy"
    where = tmp_path / "where"
    spy.write_text(f"#!/bin/sh\nln -s $2 {where}\nexec sleep 60\n")
    spy.chmod(0o700)
    async with tunnel(harp(tmp_path), program=str(spy)):
        await until(where.exists)
        assert mode_of_folder(where) == 0o700
    assert not lives_on(where)


async def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no-such-program is not installed"):
        async with tunnel(harp(tmp_path), program="no-such-program"):
            pass
