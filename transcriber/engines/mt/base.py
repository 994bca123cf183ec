"""
What a translator promises, and its settings.

A provider contains no second try, no pause and no limit: those have one home (`careful.py`). What
goes wrong is an `EngineError`, which says whether trying again can help.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, Self

from pydantic import BaseModel, Field, SecretStr

__all__ = ["Backend", "TranslationOptions", "Translator"]

Backend = Literal["auto", "none", "nextcloud", "llm", "libretranslate"]


class TranslationOptions(BaseModel):
    """Who translates captions for readers who want another language."""

    backend: Backend = Field(
        "auto",
        alias="TRANSLATION_BACKEND",
        description="who translates captions: nextcloud, llm, libretranslate, none, or auto: "
        "Nextcloud where we are its app, else nobody",
    )
    url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        alias="TRANSLATION_URL",
        description="where the translator is: of an llm up to /v1, of LibreTranslate its root",
    )
    key: SecretStr = Field(
        SecretStr(""), alias="TRANSLATION_KEY", description="key of the translator, if it wants one"
    )
    model: str = Field(
        "gpt-4o-mini", alias="TRANSLATION_MODEL", description="the llm that translates"
    )
    languages: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_,\s-]*$",
        alias="TRANSLATION_LANGUAGES",
        description="languages that are offered, such as de,fr; empty: all that can be had",
    )
    patience: float = Field(
        10.0,
        gt=0,
        le=120,
        alias="TRANSLATION_PATIENCE",
        description="seconds after which a caption is shown as it was spoken",
    )

    @property
    def offered(self) -> tuple[str, ...]:
        """The languages to offer; none stands for all."""
        return tuple(code for part in self.languages.split(",") if (code := part.strip()))


class Translator(Protocol):
    """Puts a sentence into another language; `async with` opens and closes it."""

    name: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *failure: object) -> None: ...

    async def targets(self) -> Sequence[str]:
        """Ask which languages it translates into; raises `EngineError`."""

    async def translate(self, text: str, *, source: str, target: str) -> str:
        """Translate; raises `EngineError`, and may be cancelled at any time."""
