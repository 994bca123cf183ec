"""The part that says what there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transcriber.app.house import Face, House
from transcriber.app.models import list_models
from transcriber.app.voices import list_voices
from transcriber.web.catalogue import routes

__all__ = ["catalogue"]


@asynccontextmanager
async def catalogue(house: House) -> AsyncIterator[Face]:
    """List kinds of events, engines, voices and language models."""
    yield Face(
        routes(
            recognisers=lambda: [engine.as_dict() for engine in house.engines()],
            voices=lambda: [voice.as_dict() for voice in list_voices(house.settings)],
            models=lambda: [model.as_dict() for model in list_models(house.settings)],
        )
    )
