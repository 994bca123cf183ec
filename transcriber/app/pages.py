"""The part that shows pages to people with a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transcriber.app.house import Face, House
from transcriber.web.pages import routes

__all__ = ["pages"]


@asynccontextmanager
async def pages(house: House) -> AsyncIterator[Face]:
    """Serve the pages: they are the same whatever the settings."""
    yield Face(routes())
