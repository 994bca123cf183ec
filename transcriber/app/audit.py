"""The part that shows what administrators and programs did, and forgets it in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from transcriber import aio
from transcriber.app.house import Face, House
from transcriber.app.tidying import hourly
from transcriber.web.audit import AuditApi, Journal

__all__ = ["audit"]


@asynccontextmanager
async def audit(house: House) -> AsyncIterator[Face]:
    """Serve the journal; what is written into it is noted by a rule (`app.serve`)."""
    journal = Journal(house.store)
    async with aio.alongside(
        hourly(partial(journal.forget, house.settings.web.audit_days), "audit")
    ):
        yield Face(AuditApi(journal).routes())
