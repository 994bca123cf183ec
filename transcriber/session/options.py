"""How much one instance takes on, and how it ends; which dialogs it holds."""

from __future__ import annotations

import math
import os

from pydantic import BaseModel, Field

from transcriber.paths import GivenPath
from webhooks.options import Networks

__all__ = ["DialogOptions", "SessionOptions"]

EMBEDDED = "local"
"""The recogniser that computes here, on as many cores as there are."""


class SessionOptions(BaseModel):
    """Limits; whatever is beyond them is refused with a reason."""

    rooms: int = Field(
        100, ge=1, alias="MAX_ROOMS_PER_NODE", description="rooms that one instance attends at once"
    )
    speakers: int = Field(
        500, ge=1, alias="MAX_SPEAKERS", description="people that one instance hears at once"
    )
    memory_mb: int = Field(
        150,
        ge=0,
        alias="MIN_FREE_MEMORY_MB",
        description="free memory below which no other room is taken on; 0: never mind",
    )
    workers: str = Field(
        "auto",
        pattern=r"^(auto|\d{1,3})$",
        alias="WORKERS",
        description="processes that rooms are spread over; 0: all in one; auto: one for each core, "
        "where the recogniser does not need the cores itself",
    )
    worker_memory_mb: int = Field(
        1500,
        ge=100,
        alias="WORKER_MEMORY_MB",
        description="memory above which a worker gets no more rooms, and is replaced when empty",
    )
    address: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        alias="INSTANCE_URL",
        description="where other instances on the same database reach this one; empty: at the "
        "address that it listens on",
    )
    drain: float = Field(
        20.0,
        ge=0,
        le=600,
        alias="DRAIN_SECONDS",
        description="seconds for everybody's last words when the service is told to stop",
    )

    def seats(self, engine: str) -> int:
        """Return how many people one process may hear: each worker its share."""
        return math.ceil(self.speakers / max(1, self.count(engine)))

    def count(self, engine: str) -> int:
        """Return how many workers there shall be, for this choice of recognisers."""
        if self.workers != "auto":
            return int(self.workers)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return cores or 0 if engine != EMBEDDED and cores != 1 else 0


class DialogOptions(BaseModel):
    """Which dialogs there are, and what they may do."""

    folder: GivenPath | None = Field(
        None,
        alias="DIALOG_DIR",
        description="folder of dialog flows and their sounds; empty: `dialogs` in the data folder",
    )
    usual: str = Field(
        "",
        alias="DEFAULT_DIALOG",
        description="dialog that is held in every built-in room that names none; empty: none",
    )
    most: int = Field(
        1000, ge=0, alias="MAX_DIALOGS", description="conversations that one process holds at once"
    )
    allowed: Networks = Field(
        (),
        alias="DIALOG_ALLOWED_NETWORKS",
        description="private networks that dialogs may ask, such as 10.1.0.0/16, with commas",
    )
