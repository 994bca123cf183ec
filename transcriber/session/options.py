"""How much one instance takes on, and how it ends."""

from __future__ import annotations

import os

from pydantic import BaseModel, Field

__all__ = ["SessionOptions"]

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

    def count(self, engine: str) -> int:
        """Return how many workers there shall be, for this choice of recognisers."""
        if self.workers != "auto":
            return int(self.workers)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return cores or 0 if engine != EMBEDDED and cores != 1 else 0
