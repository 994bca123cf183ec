"""
Nextcloud as an ExApp may call it: AppAPI and OCS.

Every call has a deadline, and answers in Nextcloud's own form, an `ocs` object around the data.
Whoever calls decides what a failure means: nothing here tries twice.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import aiohttp
from yarl import URL

from transcriber.errors import TranscriberError

__all__ = ["APP_API", "Identity", "Nextcloud", "Unanswered", "credentials"]

PATIENCE = 10.0
"""Seconds for Nextcloud to answer."""
INSTALL_PATIENCE = 120.0
"""Seconds for the report that all is ready: Nextcloud enables us before it answers."""
MOST = 4 << 20
"""Bytes of an answer that are read; a longer one is cut, and then no JSON any more."""
APP_API = "/ocs/v1.php/apps/app_api"
NOTHING: Mapping[str, str] = MappingProxyType({})


class Unanswered(TranscriberError):
    """
    Nextcloud could not be reached or refused; trying later may help.

    `status` is what it answered over HTTP, 0 if it did not.
    """

    code = "nextcloud"

    def __init__(self, problem: str, *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(problem)
        self.status = status
        self.retry_after = retry_after


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `retry_after` are the seconds that we were asked to wait."""

    status: int
    body: bytes
    retry_after: float | None = None


class Nextcloud:
    """One Nextcloud; `http` belongs to the caller."""

    def __init__(self, identity: Identity, http: aiohttp.ClientSession) -> None:
        self.identity = identity
        self.base = identity.url.rstrip("/").removesuffix("/index.php")
        self._http = http

    async def enabled(self) -> bool:
        """Whether the administrator has enabled us."""
        return bool(await self.ask("GET", f"{APP_API}/ex-app/state"))

    async def report(self, progress: int, error: str = "") -> None:
        """Tell how far the installation is, from 0 to 100; 100 makes Nextcloud enable us."""
        body = {"progress": progress, "error": error}
        patience = INSTALL_PATIENCE if progress >= 100 else PATIENCE
        await self.ask("PUT", f"{APP_API}/ex-app/status", body, patience=patience)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str = "",
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        patience: float = PATIENCE,
    ) -> Any:
        """Call the OCS interface, in a user's name if one is given; returns the answer's data."""
        sent = {"OCS-APIRequest": "true", "Accept": "application/json", **headers}
        data = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            sent["Content-Type"] = "application/json"
        url = str(URL(path).update_query({"format": "json", **query}))
        answer = await self.send(method, url, data, user=user, headers=sent, patience=patience)
        try:
            ocs = json.loads(answer.body)["ocs"]
        except (ValueError, LookupError, TypeError):
            ocs = None
        if answer.status >= 300 or not isinstance(ocs, dict):
            raise Unanswered(
                f"{method} {path}: answered with status {answer.status}",
                status=answer.status,
                retry_after=answer.retry_after,
            )
        return ocs.get("data")

    async def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        user: str = "",
        headers: Mapping[str, str] = NOTHING,
        patience: float = PATIENCE,
    ) -> Answer:
        """Send any request; raises `Unanswered` only when nothing comes back."""
        us = self.identity
        ours = {
            "AA-VERSION": us.app_api_version,
            "EX-APP-ID": us.app_id,
            "EX-APP-VERSION": us.app_version,
            "AUTHORIZATION-APP-API": credentials(us, user),
        }
        try:
            async with self._http.request(
                method,
                URL(f"{self.base}{path}", encoded=True),
                data=body or None,
                headers={**ours, **headers},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=patience),
            ) as answer:
                content = await answer.content.read(MOST)
                wait = answer.headers.get("Retry-After", "")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unanswered(f"{method} {path}: no answer ({type(error).__name__})") from error
        return Answer(answer.status, content, float(wait) if wait.isdigit() else None)
