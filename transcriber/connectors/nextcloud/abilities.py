"""
What Nextcloud tells of its Talk: whether calls are encrypted, and how it shows captions.

Talk decides about encryption from end to end for all calls at once, with the application setting
`call_end_to_end_encryption`; who joins without the keys gets noise instead of voices. How captions
are shown is told by nothing but Talk's version: the first ones append every caption to the one
before, the later ones replace one that may still change by the next.
"""

from __future__ import annotations

import re
from typing import Any

import structlog

from transcriber.connectors.nextcloud.client import Nextcloud, Unanswered

__all__ = ["Abilities"]

CAPABILITIES = "/ocs/v2.php/cloud/capabilities"
TALK = ("capabilities", "spreed")
ENCRYPTION = ("config", "call", "end-to-end-encryption")
REPLACES = ((22, 0, 10), (23, 0, 2), (24, 0, 0))
"""The first versions that replace captions, of each line that has some that do not."""

log = structlog.get_logger(__name__)


class Abilities:
    """Asks when a call is entered, and remembers; `replaces` is what our settings say, if any."""

    def __init__(self, cloud: Nextcloud, *, replaces: bool | None = None) -> None:
        self._cloud = cloud
        self._wanted = replaces
        self._version: tuple[int, ...] = ()

    async def encrypted(self) -> bool:
        """Ask; where Nextcloud tells nothing, calls count as ones that can be heard."""
        try:
            talk = _within(await self._cloud.ask("GET", CAPABILITIES), TALK)
        except Unanswered as problem:
            log.warning("nextcloud does not tell what its talk can do", problem=str(problem))
            return False
        version = str(_within(talk, ("version",)) or "")
        self._version = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
        return _within(talk, ENCRYPTION) is True

    def replaces(self) -> bool:
        """Whether an interim caption is replaced; who does not know it is safe to say no."""
        if self._wanted is not None:
            return self._wanted
        lines = [first for first in REPLACES if first[:1] <= self._version[:1]]
        return bool(lines) and self._version >= lines[-1]


def _within(told: Any, way: tuple[str, ...]) -> Any:
    for name in way:
        told = told.get(name) if isinstance(told, dict) else None
    return told
