"""The commands, as users start them."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import pytest

from modal_app import __main__ as command
from modal_app.hub import Hub, Model
from modal_app.loopback import Loopback, decode
from modal_app.protocol import Samples
from modal_app.server import Site
from tests.peers.gpu_service import free_port

MODULE = (sys.executable, "-m", "modal_app")


async def start(*arguments: str, **environ: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *MODULE,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin"} | environ,
    )


async def test_a_service_can_be_started_loaded_and_stopped() -> None:
    port = str(free_port())
    service = await start("serve", "--model", "loopback", "--port", port, "--grace", "1")
    assert service.stdout is not None
    line = json.loads(await asyncio.wait_for(service.stdout.readline(), 20))
    for protocol, extra in (("v1", "--loopback"), ("v1", "--realtime"), ("moshi", "--realtime")):
        url = f"http://127.0.0.1:{port}"
        load = await start(
            *("load", "--url", url, "--streams", "3", "--seconds", "1", "--json"),
            *("--protocol", protocol, extra),
        )
        output, _ = await asyncio.wait_for(load.communicate(), 30)
        figures = json.loads(output.splitlines()[-1])["figures"]
        assert load.returncode == 0
        assert (figures["connected"], figures["lost"]) == (3, 0)
    service.send_signal(signal.SIGTERM)
    await asyncio.wait_for(service.communicate(), 10)

    assert line["listening"].endswith(port)
    assert "CC-BY 4.0" in line["about"]
    assert service.returncode == 0


async def test_an_open_service_is_not_shown_to_the_world_by_accident() -> None:
    service = await start("serve", "--model", "loopback", "--host", "0.0.0.0")
    _, problem = await asyncio.wait_for(service.communicate(), 20)

    assert service.returncode == 3
    assert b"STT_TOKEN" in problem


async def test_the_process_ends_with_a_code_when_the_model_cannot_be_had(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def load() -> Model:
        raise FileNotFoundError("config.json is not in this folder")

    hub, site = Hub(load), Site(port=free_port())

    assert await command._until_signal(hub, site) == 1
    assert "config.json" in capsys.readouterr().err


async def test_the_process_ends_with_a_code_when_the_engine_fails() -> None:
    class Broken(Loopback):
        def step(self) -> Samples:
            raise RuntimeError("CUDA error")

    hub = Hub(lambda: Model("broken", Broken(1), decode))
    running = asyncio.create_task(command._until_signal(hub, Site(port=free_port())))
    async with hub.open(patience=10.0) as line:
        end = [message async for message in line]
    code = await asyncio.wait_for(running, 10)

    assert [str(message) for message in end] == ["End(reason='engine failed', text='')"]
    assert code == 1
