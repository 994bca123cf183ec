"""Where everything is kept."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator

from transcriber.paths import GivenPath

__all__ = ["StoreOptions"]

FILE = "transcriber.db"
URL = re.compile(r"(sqlite:///.+|postgres(ql)?://\S+)?")


class StoreOptions(BaseModel):
    """Settings of the store, and of whatever keeps files beside it."""

    database: SecretStr = Field(
        SecretStr(""),
        alias="DATABASE_URL",
        description="where everything is kept: `sqlite:///FILE`, or `postgresql://...` for several "
        "instances; empty: a SQLite file in the data folder",
    )
    data: GivenPath | None = Field(
        None,
        alias="DATA_DIR",
        description="the data folder; empty: what Nextcloud gives us, or "
        "`~/.local/share/transcriber`",
    )
    nextcloud: GivenPath | None = Field(
        None,
        alias="APP_PERSISTENT_STORAGE",
        description="folder that Nextcloud keeps for us, given by AppAPI",
    )
    home: GivenPath = Field(
        Path("~/.local/share"),
        validate_default=True,
        alias="XDG_DATA_HOME",
        description="where a user's data folders are, given by systems",
    )

    @field_validator("database")
    @classmethod
    def _known(cls, database: SecretStr) -> SecretStr:
        if not URL.fullmatch(database.get_secret_value()):
            raise ValueError("it must be sqlite:///FILE or postgresql://...")
        return database

    @property
    def folder(self) -> Path:
        """The data folder."""
        if chosen := self.data or self.nextcloud:
            return chosen.absolute()
        return self.home / "transcriber"

    @property
    def url(self) -> str:
        """The database."""
        return self.database.get_secret_value() or f"sqlite:///{self.folder / FILE}"
