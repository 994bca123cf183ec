"""
How the GPU service is: what it says of itself to Prometheus.

It is asked when somebody wants to know, and no sooner: asking wakes a GPU that sleeps, which costs
money. Who asks again within a few seconds gets the same answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, Field

from transcriber.engines.stt.kyutai import COLD, Kyutai
from transcriber.engines.stt.wire import explained, refusal
from transcriber.errors import EngineError
from transcriber.tls import trust

__all__ = ["Figures", "GpuService", "figures"]

FRESH = 5.0
"""Seconds for which an answer holds."""
LARGEST = 1 << 18
"""Bytes of an answer; it has a few thousand."""


class Figures(BaseModel):
    """Since its start; times in seconds. Without slots, its model is not loaded yet."""

    up: float = Field(validation_alias="stt_up_seconds")
    cost: float = Field(validation_alias="stt_estimated_cost_total")
    slots: int = Field(0, validation_alias="stt_slots")
    used: int = Field(0, validation_alias="stt_slots_used")
    active: int = Field(0, validation_alias="stt_step_active")
    step: float = Field(0, validation_alias="stt_step_seconds0.5")
    step_slowest: float = Field(0, validation_alias="stt_step_seconds0.99")
    """Of a hundred steps, the time of the slowest."""
    backlog: float = Field(0, validation_alias="stt_backlog_seconds")
    streams: int = Field(0, validation_alias="stt_streams_total")
    rejected: int = Field(0, validation_alias="stt_rejected_total")
    audio: float = Field(0, validation_alias="stt_audio_seconds_total")
    words: int = Field(0, validation_alias="stt_words_total")


class GpuService:
    """The GPU service that the settings name, asked one question at a time."""

    def __init__(self, engine: Kyutai, now: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._now = engine, now
        self._asking = asyncio.Lock()
        self._known: tuple[float, Figures] | None = None

    @property
    def url(self) -> str:
        """Where its figures are; nothing if there is none, or none of our own."""
        return self._engine.figures.url

    async def look(self) -> Figures:
        """Return how it is now; raises `EngineError` if it does not say."""
        async with self._asking:
            if self._known is None or self._now() >= self._known[0] + FRESH:
                found = figures(await self._ask())
                self._known = self._now(), found
            return self._known[1]

    async def _ask(self) -> str:
        place, body = self._engine.figures, bytearray()
        with explained(place.url):
            async with (
                asyncio.timeout(COLD),
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
                http.get(
                    place.url, headers=place.headers, allow_redirects=False, ssl=trust()
                ) as answer,
            ):
                if answer.status != 200:
                    raise refusal(answer.status, answer.headers, "")
                async for chunk in answer.content.iter_any():
                    body += chunk
                    if len(body) > LARGEST:
                        raise EngineError("engine", "the GPU service says too much")
        return body.decode(errors="replace")


def figures(text: str) -> Figures:
    """Read what it says; raises `EngineError` if that is not what our service says."""
    try:
        found = {
            f"{sample.name}{sample.labels.get('quantile', '')}": sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        return Figures.model_validate(found)
    except ValueError as error:
        raise EngineError("engine", "what answers there is not our GPU service") from error
