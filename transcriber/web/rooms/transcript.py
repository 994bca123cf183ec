"""What was said in a room since it opened, for those who may be in it; gone when it closes."""

from __future__ import annotations

from collections import deque

from aiohttp import web
from pydantic import BaseModel

from transcriber.bus.memory import Bus
from transcriber.captions.transcript import MEDIA_TYPES, Format, Transcript, writer
from transcriber.events import Speech, SpeechFinal
from transcriber.rtc.sfu.room import Room, Witness
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Route, query, room

__all__ = ["Minutes"]

MOST = 20_000
"""Utterances of a room that are kept; of a longer day the beginning is forgotten."""


class Formatted(BaseModel):
    """How it is written."""

    format: Format = "vtt"


class Minutes:
    """Keeps what is said in every room that somebody reads."""

    def __init__(self, bus: Bus) -> None:
        self._rooms: dict[str, deque[Speech]] = {}
        bus.subscribe(SpeechFinal, self._said)

    def of(self, where: Room) -> Witness:
        """Keep what is said in a room; return who tells us when it is no more."""
        self._rooms[where.id] = deque(maxlen=MOST)
        return _Watch(self, where.id)

    def forget(self, room_id: str) -> None:
        """A room is no more."""
        self._rooms.pop(room_id, None)

    def routes(self) -> list[Route]:
        """The route."""
        path = "/api/v1/rooms/{room_id}/transcript"
        who = room("subscribe")
        return [
            Route("GET", path, self._show, who, "What was said", query=Formatted, answers="*/*")
        ]

    async def _show(self, request: web.Request) -> web.Response:
        room_id, form = request.match_info["room_id"], query(request, Formatted).format
        said = self._rooms.get(room_id)
        if said is None:
            raise ProblemError(404, "not-found", "there is no such room")
        return web.Response(
            text=_written(form, said),
            content_type=MEDIA_TYPES[form],
            headers={"Content-Disposition": f'attachment; filename="{room_id}.{form}"'},
        )

    def _said(self, event: SpeechFinal) -> None:
        if (said := self._rooms.get(event.data.room)) is not None:
            said.append(event.data)


class _Watch(Witness):
    def __init__(self, minutes: Minutes, room_id: str) -> None:
        self._minutes, self._room_id = minutes, room_id

    def closed(self) -> None:
        self._minutes.forget(self._room_id)


def _written(form: Format, said: deque[Speech]) -> str:
    order, out = Transcript(), writer(form, speakers=True)
    cues = [cue for speech in said for cue in order.add(speech)]
    return out.head() + "".join(map(out.cue, [*cues, *order.rest()])) + out.tail()
