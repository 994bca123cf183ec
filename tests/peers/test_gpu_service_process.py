"""The commands, as users start them."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modal_app import __main__ as command
from modal_app.background import Background
from modal_app.batcher import Limits
from modal_app.hub import Hub, Model
from modal_app.load import Plan, Tally, drive
from modal_app.loopback import Loopback, decode, say
from modal_app.protocol import Samples
from modal_app.server import Site
from tests.peers.gpu_service import running
from tests.peers.test_gpu_service_moshi import _wav
from tests.ports import free_port

MODULE = (sys.executable, "-m", "modal_app")


ENVIRON = {"PATH": "/usr/bin:/bin"}


def test_a_service_can_be_started_loaded_and_stopped() -> None:
    port = str(free_port())
    serve = (*MODULE, "serve", "--model", "loopback", "--port", port, "--grace", "1")
    service = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, env=ENVIRON)
    try:
        assert service.stdout is not None
        line = json.loads(service.stdout.readline())
        for protocol, extra in (("v1", "--loopback"), ("moshi", "--realtime")):
            load = (*MODULE, "load", "--url", f"http://127.0.0.1:{port}", "--streams", "3")
            options = ("--seconds", "1", "--json", "--protocol", protocol, extra)
            done = subprocess.run((*load, *options), capture_output=True, timeout=30, env=ENVIRON)
            figures = json.loads(done.stdout.splitlines()[-1])["figures"]
            assert done.returncode == 0
            assert (figures["connected"], figures["lost"]) == (3, 0)
    finally:
        service.send_signal(signal.SIGTERM)
        service.communicate(timeout=10)

    assert line["listening"].endswith(port)
    assert "CC-BY 4.0" in line["about"]
    assert service.returncode == 0


def test_an_open_service_is_not_shown_to_the_world_by_accident() -> None:
    serve = (*MODULE, "serve", "--model", "loopback", "--host", "0.0.0.0")
    done = subprocess.run(serve, capture_output=True, timeout=30, env=ENVIRON)

    assert done.returncode == 3
    assert b"STT_TOKEN" in done.stderr


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


def test_a_container_whose_engine_fails_ends_with_a_code() -> None:
    class Broken(Loopback):
        def step(self) -> Samples:
            raise RuntimeError("CUDA error")

    codes: list[int] = []
    port = free_port()
    container = Background(
        Model("broken", Broken(2), decode),
        Site("127.0.0.1", port, grace=0.0),
        give_up=codes.append,
    )
    container.start()
    asyncio.run(drive(Plan(f"http://127.0.0.1:{port}", seconds=0.2)))
    container._thread.join(20)

    assert codes == [1]


def test_a_container_listens_until_it_is_stopped() -> None:
    container = Background(
        Model("loopback", Loopback(2), decode), Site("127.0.0.1", free_port(), grace=0.0)
    )
    container.start()
    container.stop()

    assert not container._thread.is_alive()


@pytest.mark.parametrize(
    ("protocol", "realtime", "loopback"),
    [("v1", True, True), ("v1", False, False), ("moshi", False, False)],
)
async def test_load_counts_what_it_sent_and_what_came_back(
    protocol: str, *, realtime: bool, loopback: bool
) -> None:
    async with running(slots=2) as service:
        tally = await drive(
            Plan(
                service.url,
                streams=3,
                seconds=0.96,
                protocol=protocol,
                realtime=realtime,
                loopback=loopback,
                ramp=0.0,
            )
        )
    figures = tally.figures()

    assert (figures["connected"], figures["refused"], figures["failed"]) == (2, 1, 0)
    assert (figures["frames"], figures["lost"]) == (24, 0)
    assert figures["added_ms_p99"] > 0
    assert tally.reasons == {"ended": 2}


def test_load_says_what_was_lost() -> None:
    assert Tally(expected=5, answered=3).figures()["lost"] == 2


async def test_load_says_why_a_stream_ended_and_what_never_began(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(_wav(say("some speech")))
    async with running(limits=Limits(lifetime=1.0)) as service:
        tally = await drive(Plan(service.url, seconds=3.0, speech=path, ramp=0.0))
        gone = await drive(Plan("http://127.0.0.1:1", seconds=0.1, ramp=0.0))

    assert 0 < tally.figures()["frames"] < 38
    assert tally.reasons == {"session too long": 1}
    assert gone.failed == 1
