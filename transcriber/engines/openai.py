"""
What OpenAI's interfaces have in common, and those of everybody compatible: the account.

One key and one address serve recognition, voices and language models.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from transcriber.engines.stt.wire import refusal
from transcriber.errors import EngineError, EngineProblem

__all__ = ["HOST", "Account", "problem", "refused"]

HOST = "https://api.openai.com/v1"
PROBLEMS: dict[str, EngineProblem] = {
    "insufficient_quota": "quota",
    "invalid_api_key": "auth",
    "invalid_request_error": "bad_request",
    "rate_limit_exceeded": "busy",
}
"""What the codes and types of errors mean."""


class Account(BaseModel):
    """Settings of OpenAI, or of a service like it."""

    key: SecretStr = Field(
        SecretStr(""),
        alias="OPENAI_API_KEY",
        description="key of OpenAI or of a compatible service",
    )
    url: str = Field(
        HOST,
        pattern=r"^https?://.+$",
        alias="OPENAI_BASE_URL",
        description="where the OpenAI-compatible service is, up to /v1",
    )

    @property
    def lacking(self) -> str:
        """What is missing; a service of one's own may need no key."""
        missing = self.url == HOST and not self.key.get_secret_value()
        return "no key: set OPENAI_API_KEY" if missing else ""

    @property
    def headers(self) -> dict[str, str]:
        """What lets us in."""
        key = self.key.get_secret_value()
        return {"Authorization": f"Bearer {key}"} if key else {}

    def at(self, path: str) -> str:
        """The address of one interface."""
        return f"{self.url.rstrip('/')}/{path}"


def refused(status: int, headers: Any, body: bytes) -> EngineError:
    """A 429 is either too many requests or an empty account; only the body says which."""
    by_status = refusal(status, headers, "")
    try:
        error = json.loads(body)["error"]
    except (ValueError, LookupError, TypeError):
        return by_status
    if isinstance(error, dict) and error.get("code") == "insufficient_quota":
        return problem(error, by_status.kind)
    return by_status


def problem(error: dict[str, Any], otherwise: EngineProblem) -> EngineError:
    """Say what an error object means."""
    code, kind = str(error.get("code")), str(error.get("type"))
    meaning = PROBLEMS.get(code) or PROBLEMS.get(kind) or otherwise
    return EngineError(meaning, str(error.get("message") or code))
