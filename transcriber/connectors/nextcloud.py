"""
Nextcloud as an ExApp may call it: AppAPI and OCS.

Every call has a deadline, and answers in Nextcloud's own form, an `ocs` object around the data.
Whoever calls decides what a failure means: nothing here tries twice.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import aiohttp
from pydantic import BaseModel, Field, SecretStr

from transcriber.errors import TranscriberError

__all__ = ["AppApiOptions", "Identity", "Nextcloud", "Unanswered", "credentials"]

PATIENCE = 10.0
"""Seconds for Nextcloud to answer."""
INSTALL_PATIENCE = 120.0
"""Seconds for the report that all is ready: Nextcloud enables us before it answers."""
APP_API = "/ocs/v1.php/apps/app_api"


class Unanswered(TranscriberError):
    """Nextcloud could not be reached or refused; trying later may help."""

    code = "nextcloud"


class AppApiOptions(BaseModel):
    """What AppAPI puts into the environment of an app that it installs."""

    app_id: str = Field(
        "",
        alias="APP_ID",
        description="our name in Nextcloud, given by AppAPI; empty: we serve no Nextcloud",
    )
    app_version: str = Field(
        "0", alias="APP_VERSION", description="our version as Nextcloud knows it, given by AppAPI"
    )
    app_secret: SecretStr = Field(
        SecretStr(""), alias="APP_SECRET", description="shared with Nextcloud, given by AppAPI"
    )
    app_host: str = Field(
        "127.0.0.1", alias="APP_HOST", description="address for Nextcloud's calls, given by AppAPI"
    )
    app_port: int = Field(
        23_000,
        ge=0,
        le=65_535,
        alias="APP_PORT",
        description="port for Nextcloud's calls, given by AppAPI",
    )
    app_api_version: str = Field("0", alias="AA_VERSION", description="AppAPI's own version")
    url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        alias="NEXTCLOUD_URL",
        description="address of Nextcloud, given by AppAPI",
    )


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are to Nextcloud, as AppAPI told us when it installed us."""

    app_id: str
    app_version: str
    app_api_version: str
    secret: str
    url: str


def credentials(identity: Identity, user: str = "") -> str:
    """The value of the header that proves who calls, and in whose name."""
    return base64.b64encode(f"{user}:{identity.secret}".encode()).decode()


class Nextcloud:
    """One Nextcloud; `http` belongs to the caller."""

    def __init__(self, identity: Identity, http: aiohttp.ClientSession) -> None:
        self._identity = identity
        self._http = http
        self._base = identity.url.rstrip("/").removesuffix("/index.php")

    async def enabled(self) -> bool:
        """Whether the administrator has enabled us."""
        return bool(await self._call("GET", f"{APP_API}/ex-app/state"))

    async def report(self, progress: int, error: str = "") -> None:
        """Tell how far the installation is, from 0 to 100; 100 makes Nextcloud enable us."""
        body = {"progress": progress, "error": error}
        patience = INSTALL_PATIENCE if progress >= 100 else PATIENCE
        await self._call("PUT", f"{APP_API}/ex-app/status", body, patience=patience)

    async def _call(
        self, method: str, path: str, body: Any = None, *, patience: float = PATIENCE
    ) -> Any:
        headers = {
            "AA-VERSION": self._identity.app_api_version,
            "EX-APP-ID": self._identity.app_id,
            "EX-APP-VERSION": self._identity.app_version,
            "AUTHORIZATION-APP-API": credentials(self._identity),
            "OCS-APIRequest": "true",
            "Accept": "application/json",
        }
        try:
            async with self._http.request(
                method,
                f"{self._base}{path}",
                params={"format": "json"},
                json=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=patience),
            ) as answer:
                content = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unanswered(f"{method} {path}: no answer ({type(error).__name__})") from error
        if answer.status >= 300 or not isinstance(content, dict):
            raise Unanswered(f"{method} {path}: answered with status {answer.status}")
        return content.get("ocs", {}).get("data")
