"""
What the WebSocket front of the GPU service costs: real sockets, an engine that costs nothing.

The service runs in a process of its own, as users start it; its CPU time and its memory are read
from the kernel. Every stream makes the engine say words, so each message that is lost is missed.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modal_app.load import Plan, Tally, drive
from tests.load.report import Bar, finish, parser

START = 20.0
"""Seconds the service has to say that it listens."""
TICK = os.sysconf("SC_CLK_TCK")


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--streams", type=int, default=500)
    options.add_argument("--seconds", type=float, default=15.0)
    options.add_argument("--protocol", choices=("v1", "moshi"), default="v1")
    given = options.parse_args()
    with _service(given.streams) as (process, url):
        plan = Plan(
            url=url,
            streams=given.streams,
            seconds=given.seconds,
            protocol=given.protocol,
            loopback=given.protocol == "v1",
        )
        before, began = _cpu(process), time.perf_counter()
        tally = asyncio.run(drive(plan))
        cores = (_cpu(process) - before) / (time.perf_counter() - began)
        memory = _peak_mb(process)
    return _report(tally, plan, cores=cores, memory=memory, as_json=given.json)


def _report(tally: Tally, plan: Plan, *, cores: float, memory: float, as_json: bool) -> int:
    figures = tally.figures()
    lost = figures["lost"] + (plan.streams - figures["connected"]) + figures["failed"]
    shown = {"cpu_cores": cores, "rss_mb": memory} | figures | {"lost": lost}
    bars = [
        Bar("cpu_cores", cores, "<=", 0.5),
        Bar("rss_mb", memory, "<=", 150),
        Bar("lost", lost, "==", 0),
        Bar("added_ms_p99", figures["added_ms_p99"], "<=", 30),
    ]
    return finish("gpu_front", shown, bars, as_json=as_json)


@contextmanager
def _service(slots: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the service, and end it whatever happens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "modal_app", "serve", "--model", "loopback"]
    command += ["--slots", str(slots), "--port", str(port), "--grace", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START)
        if not ready or "listening" not in process.stdout.readline():
            raise RuntimeError("the service did not start")
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=START)


def _cpu(process: subprocess.Popen[str]) -> float:
    """Seconds of CPU the process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _peak_mb(process: subprocess.Popen[str]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
