"""What participants may say over their WebSocket, one model a message; see the README of rooms."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator

__all__ = [
    "LANGUAGE", "Answer", "Candidate", "Captions", "Data", "Join", "Language", "Layer", "Leave",
    "Message", "Mute", "Pause", "Ping", "Publish", "Remove", "Restart", "Subscribe",
    "Unsubscribe", "read",
]  # fmt: skip

LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
DATA_BYTES = 16_384
"""Bytes of a message from participant to participant."""
RECIPIENTS = 200

Id = Annotated[str, Field(max_length=64)]
Sdp = Annotated[str, Field(max_length=200_000)]
Code = Annotated[str, Field(pattern=LANGUAGE, max_length=35)]
Peer = Literal["publish", "subscribe"]


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Join(_Said):
    """The first message: who I am, and whether I am back."""

    type: Literal["join"]
    token: Annotated[str, Field(max_length=2_000)]
    name: Annotated[str, Field(max_length=80)] = ""
    language: Code | None = None
    resume: Annotated[str, Field(max_length=100)] = ""
    fresh: bool = False


class Sent(_Said):
    """What one section of an offer shows."""

    mid: Annotated[str, Field(max_length=32)]
    kind: Literal["audio", "video"]
    source: Literal["microphone", "camera", "screen", "screen_audio"]
    encryption: Literal["aes-128-gcm", "aes-256-gcm"] | None = None
    """How it is encrypted from end to end, by who sends it."""


class Publish(_Said):
    """I send this, and nothing else."""

    type: Literal["publish"]
    sdp: Sdp
    tracks: Annotated[list[Sent], Field(max_length=32)]


class Answer(_Said):
    """My answer to an offer."""

    type: Literal["answer"]
    sdp: Sdp
    revision: int


class Found(_Said):
    """A candidate as browsers write it."""

    candidate: Annotated[str, Field(max_length=500)] = ""


class Candidate(_Said):
    """Where I can be reached; nothing: that was all."""

    type: Literal["candidate"]
    peer: Peer
    candidate: Found | None


class Restart(_Said):
    """Offer me another way."""

    type: Literal["restart"]
    peer: Literal["subscribe"]


class Subscribe(_Said):
    """I want to get something."""

    type: Literal["subscribe"]
    track_id: Id


class Unsubscribe(_Said):
    """I want to get it no more."""

    type: Literal["unsubscribe"]
    track_id: Id


class Layer(_Said):
    """How large I want a picture."""

    type: Literal["layer"]
    track_id: Id
    layer: Literal["low", "mid", "high", "auto"]


class Pause(_Said):
    """Send me something for a while not, or again."""

    type: Literal["pause"]
    track_id: Id
    paused: bool


class Mute(_Said):
    """Mute something, or end that."""

    type: Literal["mute"]
    track_id: Id
    muted: bool


class Captions(_Said):
    """I want to read, in a language or as it is spoken, or not any more."""

    type: Literal["captions"]
    on: bool
    target: Code | Literal[""] = ""


class Language(_Said):
    """What I speak."""

    type: Literal["language"]
    language: Code


class Data(_Said):
    """Pass something on, to all others or to some."""

    type: Literal["data"]
    data: Any
    to: Annotated[list[Id], Field(max_length=RECIPIENTS)] | None = None

    @field_validator("data")
    @classmethod
    def _small(cls, data: Any) -> Any:
        if len(json.dumps(data)) > DATA_BYTES:
            raise ValueError(f"at most {DATA_BYTES} bytes")
        return data


class Remove(_Said):
    """Send somebody away."""

    type: Literal["remove"]
    participant_id: Id


class Ping(_Said):
    """Are you there?"""

    type: Literal["ping"]


class Leave(_Said):
    """Goodbye."""

    type: Literal["leave"]


Message = Annotated[
    Join | Publish | Answer | Candidate | Restart | Subscribe | Unsubscribe | Layer | Pause | Mute
    | Captions | Language | Data | Remove | Ping | Leave,
    Field(discriminator="type"),
]  # fmt: skip
_ADAPTER: TypeAdapter[Message] = TypeAdapter(Message)


def read(text: str | bytes) -> Message:
    """Return what was said; raises `ValidationError` if it is no message."""
    return _ADAPTER.validate_json(text)
