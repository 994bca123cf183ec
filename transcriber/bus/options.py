"""Where events are sent beside webhooks."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

__all__ = ["NatsOptions"]


class NatsOptions(BaseModel):
    """Settings of NATS; a URL may hold a token or a password."""

    url: SecretStr = Field(
        SecretStr(""),
        alias="NATS_URL",
        description="NATS server whose JetStream gets every event: nats://host:4222; empty: none",
    )
    stream: str = Field(
        "TRANSCRIBER",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        alias="NATS_STREAM",
        description="name of the stream; it is made if there is none",
    )
    subject: str = Field(
        "transcriber.events",
        pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$",
        alias="NATS_SUBJECT",
        description="what the subjects of events begin with; their type follows",
    )
