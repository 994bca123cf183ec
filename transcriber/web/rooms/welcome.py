"""What everybody who comes into a room needs: servers, languages, captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from transcriber.captions.languages import language
from transcriber.errors import TranscriberError
from transcriber.rtc.ice import IceServer
from transcriber.rtc.sfu.room import Room

__all__ = ["Captions", "NoCaptions", "Welcome"]


class NoCaptions(TranscriberError):
    """Nothing can be read in this room."""

    code = "captions_unavailable"


class Captions(Protocol):
    """Shows what is said in a room to whoever asked for it."""

    def read(self, room: Room, reader: str, target: str) -> None:
        """Somebody wants to read; raises `NoCaptions`."""

    def stop_reading(self, room: Room, reader: str) -> None:
        """Somebody wants to read no more."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """What is the same for everybody; no captions where none can be made."""

    servers: Sequence[IceServer] = ()
    heard: Sequence[str] = ()
    readable: Callable[[], Sequence[str]] = tuple
    captions: Captions | None = None

    def possible(self, room: Room) -> bool:
        """Whether captions can be read in a room."""
        return self.captions is not None and room.plan.captions and not room.plan.e2ee

    def of(self, room: Room) -> dict[str, Any]:
        """Return what belongs into the first message to a participant."""
        plan = room.plan
        return {
            "room": {
                "id": room.id,
                "name": plan.name,
                "language": plan.language,
                "captions": self.possible(room),
                "e2ee": plan.e2ee,
            },
            "ice_servers": [_server(one) for one in self.servers],
            "languages": [_named(code) for code in self.heard],
            "targets": [_named(code) for code in self.readable()],
        }


def _server(one: IceServer) -> dict[str, Any]:
    server: dict[str, Any] = {"urls": list(one.urls)}
    if one.username:
        server |= {"username": one.username, "credential": one.credential}
    return server


def _named(code: str) -> dict[str, str]:
    return {"code": code, "name": language(code).name}
