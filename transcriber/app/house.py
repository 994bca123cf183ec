"""
What the parts of the running service share, and what a part is.

A part puts one thing together (Nextcloud's calls, rooms, webhooks, ...), owns the tasks of it, and
says which routes it serves. It is an asynchronous context: while its block runs it works, and
afterwards nothing of it is left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web
from prometheus_client.registry import Collector

from transcriber.app.form import Form
from transcriber.app.recognisers import Engine
from transcriber.app.studio import Talks
from transcriber.bus.memory import Bus
from transcriber.config import Settings
from transcriber.engines.stt.base import Stt
from transcriber.session.crew import Alone, Crew
from transcriber.session.limits import Seats
from transcriber.session.places import Here, Places
from transcriber.store import Store
from transcriber.telemetry import METRICS
from transcriber.web.auth import Guard
from transcriber.web.routes import Kind, Route
from transcriber.web.server import Explain

__all__ = ["Booked", "Face", "House", "Part", "Show", "seats"]


@dataclass(frozen=True, slots=True)
class House:
    """What all parts share."""

    settings: Settings
    bus: Bus
    stt: Stt
    store: Store
    engines: Callable[[], Sequence[Engine]] = tuple
    """Every recogniser there is, and how it is at this moment."""
    world: Bus = field(default_factory=Bus)
    """What happens in all instances, for those who watch; `bus` has what happens in this one."""
    places: Places = field(default_factory=Here)
    """Which rooms this instance has."""
    crew: Crew = field(default_factory=Alone)
    """Who attends rooms, and whether this process decides which."""
    seats: Seats = field(default_factory=Seats)
    """How many people are heard at once in this process."""
    counts: Collector = METRICS.registry
    """What was counted here and by all workers."""
    talks: Talks | None = None
    """The conversations that are held in this process."""
    form: Form = field(default_factory=Form)
    """What Nextcloud's administrator filled in; it is part of the settings already."""
    begin_anew: Callable[[], object] = bool
    """Have the service end and begin again, because its settings have changed."""


class Booked(Protocol):
    """Knows which rooms there are, in whatever process they are open."""

    async def knows(self, room_id: str) -> bool:
        """Whether there is such a room."""

    async def arrive(self, room_id: str) -> None:
        """Have a room open here, if there is such a room: somebody asks for it."""


class Show(Protocol):
    """Puts routes behind the rules that hold for all."""

    def __call__(
        self, routes: Sequence[Route], guards: Mapping[Kind, Guard], *, explain: Explain = ...
    ) -> web.Application:
        """Make an application of them."""


Elsewhere = Callable[
    [Sequence[Route], Mapping[Kind, Guard], Show], AbstractAsyncContextManager[object]
]


@dataclass(frozen=True, slots=True)
class Face:
    """What a part shows over HTTP: its routes, and the guards of the kinds of caller it knows."""

    routes: Sequence[Route] = ()
    guards: Mapping[Kind, Guard] = field(default_factory=dict)
    rooms: Booked | None = None
    """The rooms that paths with `{room_id}` are about."""
    elsewhere: Elsewhere | None = None
    """Serves what all parts show at a second place, too, while its block runs."""
    last: Callable[[], Awaitable[object]] | None = None
    """Says everybody's last words, while those who read them are still there."""


Part = Callable[[House], AbstractAsyncContextManager[Face]]
"""Puts one thing together and lets it work while the block runs."""


def seats(settings: Settings) -> Seats:
    """For how many people there are recognisers in this process; how many are heard is counted."""
    made = Seats(settings.session.seats(settings.speech.engine))
    METRICS.speakers.set_function(lambda: made.taken)
    return made
