"""
The service on Modal: a GPU that is there when somebody speaks and costs nothing when nobody does.

    modal run -m modal_app.app::download       once: the weights go into a Volume
    modal deploy -m modal_app.app

Settings are environment variables of the deploying shell (`settings.Deployment`). The container
imports this module again without that shell, so they are written into its image. Importing only
declares; nothing is sent anywhere.

One WebSocket is one input: a container takes as many as it has slots, some more for health checks,
and the next container starts when three quarters are taken. Modal's own proxy asks for the
`Modal-Key` and `Modal-Secret` headers before a container starts, so the service has none itself.
"""

from __future__ import annotations

from pathlib import Path

import modal

from modal_app import settings
from modal_app.arch import ARCHS
from modal_app.background import Background
from modal_app.hub import Model
from modal_app.pace import settle
from modal_app.server import Site

__all__ = ["Speech", "app", "download"]

PORT = 8000
WEIGHTS = Path("/weights")
MINUTES = 60
GRACE = 120.0
"""Seconds that streams may go on when Modal ends a container."""
SPARE = 4
"""Inputs beyond the slots: health, metrics, and refusals in words."""

wanted = settings.deployment()
arch = ARCHS[wanted.model]
image = (
    modal.Image.debian_slim(python_version="3.12")
    .uv_pip_install(
        "torch==2.9.1",
        "numpy>=2",
        "einops>=0.8",
        "sentencepiece>=0.2",
        "safetensors>=0.5",
        "huggingface-hub>=1",
        "tqdm",
        "aiohttp>=3.14",
        "av>=15",
        "msgpack>=1.1",
        "prometheus-client>=0.22",
        "structlog>=25",
    )
    # moshi's pins are for its demos, and drag in packages that nobody imports here.
    .uv_pip_install("moshi==0.2.13", extra_options="--no-deps")
    .env(wanted.environ())
    .add_local_python_source("modal_app")
)
weights = modal.Volume.from_name("kyutai-stt-weights", create_if_missing=True)
app = modal.App("kyutai-stt", image=image)


@app.function(volumes={str(WEIGHTS): weights}, timeout=30 * MINUTES)
def download() -> None:
    """Fill the Volume: a cold start must not depend on the hub."""
    from modal_app.weights import download as fetch

    fetch(arch, WEIGHTS / arch.name)
    weights.commit()


@app.cls(
    gpu=wanted.gpu,
    cpu=4.0,
    memory=16_384,
    volumes={str(WEIGHTS): weights.read_only()},
    timeout=4 * 60 * MINUTES,  # a WebSocket lives no longer than this
    startup_timeout=10 * MINUTES,
    min_containers=wanted.min_containers,
    max_containers=wanted.max_containers,
    scaledown_window=wanted.scaledown,
    region=wanted.region or None,
    enable_memory_snapshot=wanted.snapshot,
    experimental_options={"enable_gpu_snapshot": True} if wanted.snapshot else None,
)
@modal.concurrent(max_inputs=wanted.slots + SPARE, target_inputs=max(1, round(wanted.slots * 0.75)))
class Speech:
    """One container: one GPU, one process, `slots` streams."""

    @modal.enter(snap=wanted.snapshot)
    def load(self) -> None:
        """Load, warm up and capture; no threads or sockets, so that this may be snapshotted."""
        self.model = prepare()

    @modal.web_server(PORT, startup_timeout=60.0, requires_proxy_auth=True)
    def serve(self) -> None:
        """Listen."""
        self.background = Background(self.model, site())
        self.background.start()

    @modal.exit()
    def close(self) -> None:
        """Let streams finish."""
        self.background.stop()


def prepare() -> Model:
    """Make the model ready to step, from the Volume."""
    from modal_app import engine
    from modal_app.weights import load

    folder = WEIGHTS / arch.name
    model = engine.model(load(arch, folder if arch.repo else None), wanted.slots)
    settle()
    return model


def site() -> Site:
    """Where Modal's proxy finds the service."""
    return Site("0.0.0.0", PORT, price_per_hour=wanted.price_per_hour, grace=GRACE)
