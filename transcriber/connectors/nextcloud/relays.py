"""
The servers that help us find a way to the media, as Nextcloud's administrator configured them.

Talk gives them to whoever takes part in calls; what lets us use a relay holds for a day. So they
are asked for when we start and every few hours, and a connection takes those of the moment. Where
Talk tells us nothing, those of our own settings count, or none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import structlog

from transcriber import aio
from transcriber.connectors.nextcloud.client import Nextcloud, Unanswered
from transcriber.rtc import IceServer

__all__ = ["Relays"]

SETTINGS = "/ocs/v2.php/apps/spreed/api/v3/signaling/settings"
FRESH = 3 * 3600.0
"""Seconds after which they are asked for again; their passwords hold for a day."""
PATIENCE = 600.0
"""Longest pause in seconds while Nextcloud does not tell."""

log = structlog.get_logger(__name__)


class Relays:
    """Knows the servers; those that are set here win over what Talk says."""

    def __init__(self, cloud: Nextcloud, ours: Sequence[IceServer]) -> None:
        self._cloud = cloud
        self._ours = ours
        self._told: Sequence[IceServer] = ()

    def servers(self) -> Sequence[IceServer]:
        """Return those to be used now."""
        return self._ours or self._told

    async def run(self) -> None:
        """Keep them fresh until cancelled."""
        waits = aio.backoff(base=5.0, limit=PATIENCE)
        while not self._ours:
            try:
                self._told = tuple(_read(await self._cloud.ask("GET", SETTINGS)))
            except Unanswered as problem:
                log.warning("talk does not tell its relays", problem=str(problem))
                await asyncio.sleep(next(waits))
            else:
                waits = aio.backoff(base=5.0, limit=PATIENCE)
                await asyncio.sleep(FRESH)


def _read(settings: Any) -> Iterator[IceServer]:
    for kind in ("stunservers", "turnservers"):
        told = settings.get(kind) if isinstance(settings, dict) else None
        for one in told if isinstance(told, list) else ():
            if urls := _urls(one):
                name, password = one.get("username") or "", one.get("credential") or ""
                yield IceServer(urls, str(name), str(password))


def _urls(one: Any) -> tuple[str, ...]:
    told = one.get("urls") if isinstance(one, dict) else None
    return tuple(map(str, told)) if isinstance(told, list) else (str(told),) if told else ()
