"""What there is: kinds of events and their form, engines, voices and models, and how they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from transcriber.events import EVENT_TYPES, json_schema
from transcriber.web.routes import Route, token

__all__ = ["routes"]


class EventType(BaseModel):
    """One kind of event; `json_schema` is that of its whole envelope."""

    type: str
    version: int
    description: str
    json_schema: dict[str, Any]


class EventTypes(BaseModel):
    """All kinds of events."""

    items: list[EventType]


class Engines(BaseModel):
    """Everything that recognises, speaks or answers, whether it is used or not."""

    recognisers: list[dict[str, Any]]
    voices: list[dict[str, Any]]
    models: list[dict[str, Any]]


Listed = Callable[[], Sequence[dict[str, Any]]]


def routes(*, recognisers: Listed, voices: Listed, models: Listed) -> list[Route]:
    """`recognisers`, `voices` and `models` tell what there is at this moment."""

    async def event_types(request: web.Request) -> EventTypes:
        return EventTypes(
            items=[
                EventType(
                    type=name,
                    version=kind.version,
                    description=(kind.__doc__ or "").strip().partition("\n")[0],
                    json_schema=json_schema(kind),
                )
                for name, kind in sorted(EVENT_TYPES.items())
            ]
        )

    async def engines(request: web.Request) -> Engines:
        return Engines(
            recognisers=list(recognisers()), voices=list(voices()), models=list(models())
        )

    return [
        Route(
            "GET", "/api/v1/event-types", event_types, token("events:read"),
            "Kinds of events and their form", response=EventTypes,
        ),
        Route(
            "GET", "/api/v1/engines", engines, token("engines:read"),
            "Recognisers, voices and language models, and why one cannot be used", response=Engines,
        ),
    ]  # fmt: skip
