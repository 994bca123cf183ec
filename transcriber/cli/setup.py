"""The settings of this process, and what has to follow them before anything runs."""

from __future__ import annotations

import os

from transcriber.config import Settings, load
from transcriber.telemetry import configure_logs, configure_traces
from transcriber.tls import believe

__all__ = ["configured"]


def configured(*, quiet: bool = False) -> Settings:
    """
    Read the settings and make logs, traces and whom we believe follow them.

    A `quiet` command tells in its own words what goes wrong: it logs only what LOG_LEVEL asks for.
    """
    settings = load(os.environ)
    unasked = quiet and settings.origins["LOG_LEVEL"] == "default"
    configure_logs(
        settings.telemetry.model_copy(update={"level": "critical"})
        if unasked
        else settings.telemetry
    )
    configure_traces(settings.telemetry.traces)
    believe(settings.tls)
    return settings
