"""The commands with a real model behind them, the tiny one, and what Modal is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from modal_app import engine, weights
from modal_app.arch import ARCHS
from modal_app.load import Plan, drive
from tests.peers.gpu_service import running, words
from tests.peers.test_gpu_service_bad_clients import freed

MODULE = (sys.executable, "-m", "modal_app")
TINY = ARCHS["tiny"]
STAGES = ("mimi", "quantizer", "lm", "heads")
LISTEN = """
import json, modal

told = {}

def overhear(place, name):
    real = getattr(place, name)

    def decorator(*given, **named):
        told[name] = named
        return real(*given, **named)

    setattr(place, name, decorator)

overhear(modal.App, "cls")
overhear(modal, "concurrent")
overhear(modal, "web_server")
import modal_app.app as ours

told |= {"name": ours.app.name, "environ": ours.wanted.environ()}
print(json.dumps(told, default=str))
"""
"""Prints what Modal's decorators are given, which get it all the same and refuse what is wrong."""


def tiny(slots: int) -> engine.Slots:
    return engine.Slots(weights.randomised(TINY, weights.choose("cpu")), slots)


def test_the_bench_prints_its_figures_for_both_ways_to_step() -> None:
    for impl, mode in (("fused", "eager"), ("stock", "stock")):
        command = (*MODULE, "bench", "--arch", "tiny", "--batch", "1,2", "--seconds", "0.2")
        done = subprocess.run(
            (*command, "--impl", impl, "--json"),
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        )
        result = json.loads(done.stdout.splitlines()[-1])
        assert done.returncode == 0
        assert (result["device"], result["mode"], result["bars"]) == ("cpu", mode, [])
        assert result["figures"]["b2_steps_per_s"] > 0
        stages = {f"b{slots}_{stage}_ms" for slots in (1, 2) for stage in STAGES}
        assert stages <= result["figures"].keys()


async def test_a_real_model_serves_both_protocols() -> None:
    async with running(engine=tiny(4)) as service:
        for protocol in ("v1", "moshi"):
            tally = await drive(
                Plan(service.url, streams=3, seconds=1.0, protocol=protocol, ramp=0.1)
            )
            assert (tally.connected, tally.figures()["lost"], tally.failed) == (3, 0, 0)


async def test_what_a_stream_hears_does_not_depend_on_who_else_is_there() -> None:
    rng = np.random.default_rng(5)
    audio = rng.standard_normal(24_000 * 4, np.float32) * np.float32(0.3)
    poison = np.full(24_000, np.nan, np.float32)
    async with running(engine=tiny(3)) as service:
        async with service.stream() as client:
            await client.ws.send_bytes(audio.tobytes())
            alone = await client.finish()
        async with service.stream() as bad, service.stream() as client, service.stream() as other:
            for begin in range(0, len(audio), 5_000):
                await bad.ws.send_bytes(poison[:5_000].tobytes())
                await client.ws.send_bytes(audio[begin : begin + 5_000].tobytes())
                await other.ws.send_bytes(rng.bytes(20_000))
            beside = await client.finish()
        await freed(service, 0)
        async with service.stream() as after, service.stream() as again:
            for heir in (after, again):
                await heir.ws.send_bytes(audio.tobytes())
            later = [await heir.finish() for heir in (after, again)]

    assert words(alone)
    assert [heard[1:] for heard in (beside, *later)] == [alone[1:]] * 3  # but for the slot's number


def test_the_pause_heads_are_found_in_the_weights(tmp_path: Path) -> None:
    source = weights.randomised(TINY, weights.choose("cpu")).lm.state_dict()
    heads = {name for name in source if name.startswith("extra_heads.")}
    save_file(source, tmp_path / "with.safetensors")
    save_file({n: t for n, t in source.items() if n not in heads}, tmp_path / "without.safetensors")

    found = weights._pause_heads(tmp_path / "with.safetensors")
    assert found == {"extra_heads_num_heads": 4, "extra_heads_dim": 6}
    assert weights._pause_heads(tmp_path / "without.safetensors") == {}


def test_modal_is_told_what_the_settings_say() -> None:
    environ = os.environ | {
        "STT_GPU": "H200", "STT_SLOTS": "512", "STT_REGION": "eu-west", "STT_SCALEDOWN": "60",
        "STT_MIN_CONTAINERS": "1", "STT_MAX_CONTAINERS": "7",
    }  # fmt: skip
    done = subprocess.run(
        (sys.executable, "-c", LISTEN), capture_output=True, text=True, timeout=60, env=environ
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)

    assert (told["name"], told["environ"]["STT_SLOTS"]) == ("kyutai-stt", "512")
    wanted = {
        "gpu": "H200", "region": "eu-west", "scaledown_window": 60,
        "min_containers": 1, "max_containers": 7,
    }  # fmt: skip
    assert told["cls"].items() >= wanted.items()
    assert told["concurrent"] == {"max_inputs": 516, "target_inputs": 384}
    assert told["web_server"]["requires_proxy_auth"] is True
