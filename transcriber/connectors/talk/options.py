"""Settings of Talk calls, under the names that administrators know from Nextcloud's own app."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, SecretStr

__all__ = ["TalkOptions"]


def _chosen(text: object) -> object:
    return None if text == "auto" else text


class TalkOptions(BaseModel):
    """Where the signaling server is, and how captions look."""

    url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        alias="LT_HPB_URL",
        description="address of Talk's high-performance backend",
    )
    secret: SecretStr = Field(
        SecretStr(""),
        alias="LT_INTERNAL_SECRET",
        description="its internal secret: `internalsecret` under `[clients]` in its configuration",
    )
    backend: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        alias="LT_BACKEND_URL",
        description="address of Nextcloud as the backend knows it; empty: `NEXTCLOUD_URL`",
    )
    skip_verify: bool = Field(
        False,
        alias="SKIP_CERT_VERIFY",
        description="accept any certificate of the backend and of Nextcloud; for tests alone",
    )
    replaces: Annotated[bool | None, BeforeValidator(_chosen)] = Field(
        "auto",
        validate_default=True,
        alias="LT_INTERIM_CAPTIONS",
        description="show words that may still change; auto: where Talk's version replaces them "
        "by the next; false: only words that are sure, each once",
    )
    """Whether Talk replaces an interim caption by the next; None: see its version."""
