"""The settings of this process, and what has to follow them before anything runs."""

from __future__ import annotations

import os

from transcriber.config import Settings, load
from transcriber.telemetry import configure_logs, configure_traces
from transcriber.tls import believe

__all__ = ["configured"]


def configured() -> Settings:
    """Read the settings and make logs, traces and whom we believe follow them."""
    settings = load(os.environ)
    configure_logs(settings.telemetry)
    configure_traces(settings.telemetry.traces)
    believe(settings.tls)
    return settings
