"""The part that is the console: it watches everything, and shows it to administrators."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from transcriber import config
from transcriber.app.house import Face, House
from transcriber.app.voices import list_voices
from transcriber.engines.stt.gpu import GpuService
from transcriber.engines.stt.kyutai import Kyutai, KyutaiOptions
from transcriber.events import Event
from transcriber.telemetry import Tail
from transcriber.web.console import Console, Overview, SettingShown
from transcriber.web.picture import Picture

__all__ = ["console"]

PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):[^@/\s]+@")
"""A password within an address, as in the store's."""


@asynccontextmanager
async def console(house: House) -> AsyncIterator[Face]:
    """Watch while the block runs."""
    started, picture, tail = datetime.now(UTC), Picture(), Tail()
    gpu = _gpu(house)

    def overview() -> Overview:
        return Overview(
            version=version("transcriber"),
            started_at=started.isoformat(timespec="seconds"),
            store=_masked(house.settings.store.url),
            settings=_settings(house),
            gpu=gpu is not None,
        )

    shown = Console(overview, lambda: _state(house), picture, tail, gpu.look if gpu else None)
    forget = house.world.subscribe(Event, picture.apply)
    logging.getLogger().addHandler(tail)
    try:
        yield Face(shown.routes())
    finally:
        logging.getLogger().removeHandler(tail)
        forget()


def _gpu(house: House) -> GpuService | None:
    options = house.settings.engines["kyutai"]
    assert isinstance(options, KyutaiOptions)
    service = GpuService(Kyutai(options))
    return service if service.url else None


def _settings(house: House) -> list[SettingShown]:
    settings = house.settings
    return [
        SettingShown(
            name=one.name,
            value=_masked(settings.shown(one)),
            default=one.default,
            origin=settings.origins[one.name],
            description=one.description,
            secret=one.secret,
        )
        for one in config.table()
    ]


def _state(house: House) -> dict[str, Any]:
    return {
        "engine": house.settings.speech.engine,
        "recognisers": [engine.as_dict() for engine in house.engines()],
        "voices": [engine.as_dict() for engine in list_voices(house.settings)],
        "unready": house.stt.unusable() or house.crew.unready(),
    }


def _masked(value: str) -> str:
    return PASSWORD.sub(r"\1:(hidden)@", value)
