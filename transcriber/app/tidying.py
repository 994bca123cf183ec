"""What is kept for a while, and then forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from transcriber.store import StoreFailed

__all__ = ["hourly"]

HOUR = 3600.0
log = structlog.get_logger(__name__)


async def hourly(forget: Callable[[], Awaitable[object]], what: str) -> None:
    """Have what is old forgotten, for ever; what cannot be forgotten now is next time."""
    while True:
        try:
            await forget()
        except StoreFailed as error:
            log.warning("what is old stays for now", what=what, error=str(error))
        await asyncio.sleep(HOUR)
