"""
The envelope in which every event travels, whoever carries it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from transcriber.ids import new_id

__all__ = ["Event", "Frozen", "Moment"]


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[AwareDatetime, PlainSerializer(_rfc3339, when_used="json")]


class Frozen(BaseModel):
    """A value that does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(Frozen):
    """
    Something that happened during a session; the envelope that all events share.

    `id` sorts by time. `session_id` is empty for what belongs to no session.
    """

    version: ClassVar[int] = 1

    id: str = Field(default_factory=lambda: new_id("evt"))
    type: str
    source: str = "transcriber"
    session_id: str
    timestamp: Moment = Field(default_factory=lambda: datetime.now(UTC))
    data: BaseModel
    metadata: dict[str, str] = {}
