"""How much one instance takes on, and how it ends."""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = ["SessionOptions"]


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
    drain: float = Field(
        20.0,
        ge=0,
        le=600,
        alias="DRAIN_SECONDS",
        description="seconds for everybody's last words when the service is told to stop",
    )
