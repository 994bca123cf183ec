"""
Whether calls of this Nextcloud are encrypted from end to end.

Talk decides it for all calls at once, with the application setting `call_end_to_end_encryption`,
and tells it among the capabilities. Who joins without the keys gets noise instead of voices.
"""

from __future__ import annotations

from typing import Any

import structlog

from transcriber.connectors.nextcloud.client import Nextcloud, Unanswered

__all__ = ["encrypted"]

CAPABILITIES = "/ocs/v2.php/cloud/capabilities"
WAY = ("capabilities", "spreed", "config", "call", "end-to-end-encryption")

log = structlog.get_logger(__name__)


async def encrypted(cloud: Nextcloud) -> bool:
    """Ask; where Nextcloud tells nothing, calls count as ones that can be heard."""
    try:
        told: Any = await cloud.ask("GET", CAPABILITIES)
    except Unanswered as problem:
        log.warning("nextcloud does not tell whether calls are encrypted", problem=str(problem))
        return False
    for name in WAY:
        told = told.get(name) if isinstance(told, dict) else None
    return told is True
