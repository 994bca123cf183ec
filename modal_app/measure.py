"""
How long a step takes: one batch size, in this process.

The architecture is the true one and the weights are random, which makes no difference to the time.
Beside the measured time stands the least that memory allows: everything a step must read once
(weights, codebooks, the attention caches of all slots) over the bandwidth this device was seen to
have a moment before.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from moshi.utils.compile import no_compile, no_cuda_graph

from modal_app.arch import ARCHS
from modal_app.engine import Slots, head_weights, quiet
from modal_app.protocol import SECONDS
from modal_app.stock import Stock
from modal_app.weights import Loaded, choose, randomised

__all__ = ["measure"]

CHURN = 0.0008
"""Share of the slots that begin anew in a step: a stream lasts about 100 seconds."""
COPIES = 20
"""Copies of a large tensor whose median tells the bandwidth."""
REPEATS = 20
"""Runs of one stage whose median is told."""

Step = Slots | Stock


def measure(
    name: str, slots: int, *, seconds: float, impl: str = "fused", context: int = 0
) -> dict[str, float | str]:
    """Give the figures of one batch size; raises what torch raises when it does not fit."""
    device = choose()
    arch = ARCHS[name]
    if context:
        arch = replace(arch, lm=arch.lm | {"context": context})
    bandwidth = _bandwidth(device)
    began = time.perf_counter()
    loaded = randomised(arch, device, torch.bfloat16 if device.type == "cuda" else torch.float32)
    engine: Step = (
        Stock(loaded, slots)
        if impl == "stock"
        else Slots(loaded, slots, cuda_graph=impl == "fused")
    )
    ready = time.perf_counter() - began
    times = _times(engine, seconds) * 1000
    least = (_read_once(loaded) + engine.state_bytes()) / bandwidth * 1000
    middle = float(np.quantile(times, 0.5))
    return {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "mode": engine.mode,
        "torch": torch.__version__,
        "steps_per_s": float(1000 / times.mean()),
        "p50_ms": middle,
        "p99_ms": float(np.quantile(times, 0.99)),
        "max_ms": float(times.max()),
        "rtf": SECONDS * 1000 / middle,
        "ready_s": ready,
        "state_gb": engine.state_bytes() / 1e9,
        "peak_gb": _peak_bytes(device) / 1e9,
        "bandwidth_gb_s": bandwidth / 1e9,
        "roofline_ms": least,
        "times_roofline": middle / least if engine.state_bytes() else 0.0,
    } | _stages(loaded, slots)


def _times(engine: Step, seconds: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    engine.pcm[:] = rng.standard_normal(engine.pcm.shape, np.float32) * 0.1
    engine.active[:] = True
    engine.reset[:] = True
    engine.step()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        engine.reset[:] = rng.random(engine.slots) < CHURN
        began = time.perf_counter()
        engine.step()
        times.append(time.perf_counter() - began)
    return np.array(times)


def _bandwidth(device: torch.device) -> float:
    """Bytes per second that a large copy reads and writes."""
    size = (1 << 30) if device.type == "cuda" else (1 << 26)
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / _median(lambda: target.copy_(source), COPIES, device)


def _read_once(loaded: Loaded) -> float:
    """Bytes of everything but the embeddings, of which a step reads a row."""
    rows = {id(weight) for emb in loaded.lm.emb for weight in emb.parameters()}
    rows |= {id(weight) for weight in loaded.lm.text_emb.parameters()}
    tensors = [*loaded.lm.parameters(), *loaded.mimi.parameters(), *loaded.mimi.buffers()]
    return float(sum(t.numel() * t.element_size() for t in tensors if id(t) not in rows))


def _stages(loaded: Loaded, slots: int) -> dict[str, float | str]:
    """Milliseconds of the parts launched one by one; the streaming state is spoiled by it."""
    mimi, lm, device = loaded.mimi, loaded.lm, loaded.device
    pcm = torch.randn(slots, 1, mimi.frame_size, device=device) * 0.1
    tokens = torch.zeros(slots, lm.num_codebooks, 1, dtype=torch.long, device=device)
    with torch.no_grad(), no_cuda_graph(), no_compile():
        latent = mimi._encode_to_unquantized_latent(pcm)
        parts: dict[str, Callable[[], object]] = {
            "mimi_ms": lambda: mimi._encode_to_unquantized_latent(pcm),
            "quantizer_ms": lambda: mimi.quantizer.encode(latent),
            "lm_ms": lambda: lm.forward_text(tokens),
        }
        if heads := loaded.arch.heads:
            (hidden, _), weights = lm.forward_text(tokens), head_weights(lm)
            parts["heads_ms"] = lambda: quiet(hidden, weights, heads)
        repeats = REPEATS if device.type == "cuda" else 3
        return {name: _median(part, repeats, device) * 1000 for name, part in parts.items()}


def _median(work: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Seconds of the median run, with the device idle before and after."""
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return float(np.median(times[1:]))


def _peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
