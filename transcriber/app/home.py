"""The Nextcloud that we are an app of, for every part that asks it something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from transcriber.config import Settings
from transcriber.connectors.nextcloud import Identity, Nextcloud
from transcriber.errors import Misconfigured
from transcriber.tls import trust

__all__ = ["asking", "identity", "needed"]


@asynccontextmanager
async def asking(settings: Settings) -> AsyncIterator[Nextcloud | None]:
    """Be able to ask Nextcloud while the block runs; nothing, if we are no app of any."""
    if not settings.nextcloud.app_id:
        yield None
        return
    connector = aiohttp.TCPConnector(ssl=not settings.talk.skip_verify and trust())
    async with aiohttp.ClientSession(connector=connector) as http:
        yield Nextcloud(identity(settings), http)


def needed(name: str, value: str) -> str:
    """Return a setting without which we can be no app of Nextcloud."""
    if not value:
        raise Misconfigured(
            name, "is not set", remedy="an app of Nextcloud, which APP_ID makes us, needs it"
        )
    return value


def identity(settings: Settings) -> Identity:
    """Return who we are to Nextcloud, as whose app we run."""
    cloud = settings.nextcloud
    return Identity(
        app_id=cloud.app_id,
        app_version=cloud.app_version,
        app_api_version=cloud.app_api_version,
        secret=needed("APP_SECRET", cloud.app_secret.get_secret_value()),
        url=needed("NEXTCLOUD_URL", cloud.url),
    )
