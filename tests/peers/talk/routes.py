"""All that Nextcloud and Talk call on us, and what they can read of our answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

__all__ = ["CALLS", "READER", "ROOM", "Call"]

ROOM = "abcd1234"
READER = "Ab+c/d" * 40
"""Talk's session ids are long and have slashes in them."""


class Strict(BaseModel):
    """An answer that has these fields and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Alive(Strict):
    status: Literal["ok"]


class Nothing(Strict):
    pass


class Succeeded(Strict):
    error: Literal[""]


class State(Strict):
    enabled: bool


class Metadata(Strict):
    separator: Literal["", " "]
    rtl: bool


class Language(Strict):
    name: str = Field(min_length=1)
    metadata: Metadata


Languages = dict[str, Language]


class Heard(Strict):
    supported_languages: Languages = Field(min_length=1)


class Pairs(Strict):
    origin_languages: Languages = Field(min_length=1)
    target_languages: Languages


class Translated(Strict):
    supported_translation_languages: Pairs


class Abilities(Strict):
    version: str = Field(min_length=1)
    features: list[Literal["live_transcription", "live_translation"]]
    live_transcription: Heard
    live_translation: Translated | None = None


class Capabilities(Strict):
    live_transcription: Abilities


class Check(Strict):
    status: Literal["warning", "error"]
    text: str = Field(min_length=1)


class Done(Strict):
    message: str


class Refusal(Strict):
    error: str = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that is asked of us; `shape` is how a good answer looks."""

    method: str
    path: str
    shape: Any
    body: dict[str, Any] | None = None

    def check(self, status: int, answer: Any) -> None:
        """Raise what is wrong with an answer."""
        TypeAdapter(self.shape if status == 200 else Refusal).validate_python(answer)


ABOUT = {"roomToken": ROOM}
PERSONAL = ABOUT | {"ncSessionId": READER}
CALLS = (
    Call("GET", "/heartbeat", Alive),
    Call("POST", "/init", Nothing),
    Call("PUT", "/enabled?enabled=1", Succeeded),
    Call("GET", "/enabled", State),
    Call("GET", "/setup_checks", dict[str, Check]),
    Call("GET", "/capabilities", Capabilities),
    Call("GET", "/api/v1/languages", Languages),
    Call("POST", "/api/v1/call/transcribe", Done, PERSONAL | {"enable": True}),
    Call("POST", "/api/v1/call/set-language", Done, ABOUT | {"langId": "en"}),
    Call("GET", "/api/v1/translation/languages", Pairs),
    Call("POST", "/api/v1/translation/set-target-language", Done, PERSONAL | {"langId": None}),
    Call("POST", "/api/v1/call/transcribe", Done, PERSONAL | {"enable": False}),
    Call("POST", "/api/v1/call/leave", Done, ABOUT),
    Call("PUT", "/enabled?enabled=0", Succeeded),
)
"""In an order in which each of them succeeds."""
