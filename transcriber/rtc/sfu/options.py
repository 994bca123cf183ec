"""Settings of the built-in rooms."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from transcriber.errors import Misconfigured
from transcriber.rtc.ice import IceServer, listed

__all__ = ["RoomsOptions"]


class RoomsOptions(BaseModel):
    """Settings of the built-in rooms."""

    open: bool = Field(
        False,
        alias="ROOMS_OPEN",
        description="let anybody make and enter rooms without a token, as `make demo` does",
    )
    secret: SecretStr = Field(
        SecretStr(""),
        alias="ROOMS_SECRET",
        description="signs the tokens of rooms; empty: one that is forgotten at the end",
    )
    participants: int = Field(
        100, ge=1, alias="MAX_PARTICIPANTS_PER_ROOM", description="people in one built-in room"
    )
    publishers: int = Field(
        100, ge=1, alias="MAX_PUBLISHERS_PER_ROOM", description="people who send in one room"
    )
    loudest: int = Field(
        20,
        ge=0,
        alias="MAX_VOICES_PER_ROOM",
        description="voices of a room that are heard at once, the loudest; 0: all",
    )
    empty: float = Field(
        60.0,
        ge=0,
        alias="ROOM_EMPTY_SECONDS",
        description="seconds after which a room that nobody is in closes",
    )
    threshold: int = Field(
        35,
        ge=0,
        le=127,
        alias="SPEAKER_DETECTOR_THRESHOLD",
        description="who is at most so many dB below the loudest possible is speaking",
    )
    interval: int = Field(
        300,
        ge=200,
        alias="SPEAKER_DETECTOR_INTERVAL_MS",
        description="milliseconds between two looks at who is speaking",
    )
    stun: str = Field(
        "",
        alias="STUN_SERVERS",
        description="STUN servers for calls, such as stun:host:3478, with commas between them",
    )
    turn: str = Field(
        "", alias="TURN_SERVERS", description="TURN servers for calls, such as turn:host:3478"
    )
    turn_user: str = Field("", alias="TURN_USERNAME", description="name at the TURN servers")
    turn_password: SecretStr = Field(
        SecretStr(""), alias="TURN_PASSWORD", description="password at the TURN servers"
    )

    @field_validator("stun", "turn")
    @classmethod
    def _addresses(cls, text: str) -> str:
        listed(text)
        return text

    @model_validator(mode="after")
    def _complete(self) -> Self:
        password = self.turn_password.get_secret_value()
        for name, value in (("TURN_USERNAME", self.turn_user), ("TURN_PASSWORD", password)):
            if value and not self.turn:
                raise Misconfigured(
                    name, "needs TURN_SERVERS", remedy="set it, or leave both empty"
                )
        return self

    @property
    def servers(self) -> list[IceServer]:
        """The servers that help to find a way."""
        password = self.turn_password.get_secret_value()
        found = [
            IceServer(listed(self.stun)),
            IceServer(listed(self.turn), self.turn_user, password),
        ]
        return [server for server in found if server.urls]
