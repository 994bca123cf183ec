"""
What the service reads from its environment, and the only place that does.

Secrets come from the environment or from files, never from the command line, where every user of
the machine could read them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modal_app.auth import Access

__all__ = ["Deployment", "access", "deployment"]


def access(environ: Mapping[str, str] = os.environ) -> Access:
    """Read `STT_TOKEN`, `STT_KEY` and `STT_SECRET`; `_FILE` behind a name names a file with it."""
    return Access(
        token=_secret(environ, "STT_TOKEN"),
        key=_secret(environ, "STT_KEY"),
        secret=_secret(environ, "STT_SECRET"),
    )


def _secret(environ: Mapping[str, str], name: str) -> str:
    if path := environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return environ.get(name, "")


@dataclass(frozen=True, slots=True)
class Deployment:
    """How the service runs on Modal; read when deploying and again, the same, in the container."""

    model: str = "stt-1b-en_fr"
    gpu: str = "L40S"
    slots: int = 64
    region: str = ""
    """Next to those who speak: the round trip adds to every caption. Empty: anywhere."""
    min_containers: int = 0
    max_containers: int = 10
    scaledown: int = 300
    """Seconds without a stream after which a container ends."""
    snapshot: bool = False
    """Whether containers start from a snapshot of GPU memory, which Modal calls experimental."""
    price_per_hour: float = 0.0

    def environ(self) -> dict[str, str]:
        """Write it down for the container, which does not have the deploying shell's settings."""
        return {f"STT_{name.upper()}": f"{getattr(self, name)}" for name in self.__slots__}


def deployment(environ: Mapping[str, str] = os.environ) -> Deployment:
    """Read `STT_MODEL`, `STT_GPU`, `STT_SLOTS` and so on, one for each field of `Deployment`."""
    default = Deployment()
    found: dict[str, object] = {}
    for name in Deployment.__slots__:
        value, kind = environ.get(f"STT_{name.upper()}"), type(getattr(default, name))
        if value is not None:
            found[name] = value in ("1", "True", "true") if kind is bool else kind(value)
    return Deployment(**found)  # type: ignore[arg-type]
