"""
The vocabulary: everything that can happen, in one place.

An event's `type` is also its public name in webhooks, on the event stream and in the console,
and `data` is its public payload. Adding a field is compatible; renaming or removing one is not.
Every event travels in the same envelope, whoever carries it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from transcriber.ids import new_id

__all__ = [
    "CallStarted",
    "CallTerminated",
    "ErrorHappened",
    "Event",
    "SpeechFinal",
    "SpeechPartial",
    "SpokenWord",
]


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[AwareDatetime, PlainSerializer(_rfc3339, when_used="json")]


class Frozen(BaseModel):
    """A value that does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(Frozen):
    """Something that happened during a session; the envelope that all events share."""

    id: str = Field(default_factory=lambda: new_id("evt"))
    type: str
    source: str = "transcriber"
    session_id: str
    timestamp: Moment = Field(default_factory=lambda: datetime.now(UTC))
    data: BaseModel
    metadata: dict[str, str] = {}


class Started(Frozen):
    """`protocol` says which way we are connected: talk, sfu, file, ..."""

    room: str
    protocol: str = ""
    caller_id: str = ""
    called_number: str = ""


class CallStarted(Event):
    """We entered a call."""

    type: Literal["call.started"] = "call.started"
    data: Started


class Terminated(Frozen):
    """`reason` is a short word: ended, failed or cancelled."""

    room: str
    reason: str
    duration_ms: int


class CallTerminated(Event):
    """We left a call, or it ended."""

    type: Literal["call.terminated"] = "call.terminated"
    data: Terminated


class SpokenWord(Frozen):
    """One word and when it was said, in milliseconds since the first person could be heard."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float | None = None
    estimated: bool = False


class Speech(Frozen):
    """What somebody said; times count from when the first person of the call could be heard."""

    room: str
    person_id: str
    person_name: str = ""
    transcript: str
    language: str
    start_ms: int
    end_ms: int
    confidence: float | None = None
    words: tuple[SpokenWord, ...] = ()


class SpeechPartial(Event):
    """What a speaker seems to be saying; replaced by the next one."""

    type: Literal["speech.partial"] = "speech.partial"
    data: Speech


class SpeechFinal(Event):
    """What a speaker said; never replaced."""

    type: Literal["speech.final"] = "speech.final"
    data: Speech


class Failure(Frozen):
    """`code` is stable; `message` is for people; `person_id` when only one speaker is affected."""

    room: str = ""
    person_id: str = ""
    code: str
    message: str


class ErrorHappened(Event):
    """Something went wrong that somebody should know."""

    type: Literal["error"] = "error"
    data: Failure
