"""Participants without connections, for tests of rooms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from transcriber.rtc.buffer import Buffer
from transcriber.rtc.sdp import Codec
from transcriber.rtc.sfu.incoming import Incoming
from transcriber.rtc.sfu.outbox import Outbox
from transcriber.rtc.sfu.room import Message, Room
from transcriber.rtc.sfu.track import Shown, Track

__all__ = ["Guest", "Up", "by_hand", "track"]


def by_hand(work: Callable[[], None]) -> None:
    """Do nothing at the end of a turn: the test does it."""


class Up:
    """The way to a publisher; remembers what it is asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def send_control(self, packet: bytes) -> None:
        self.asked.append(packet)


def track(owner: str, kind: str = "audio", source: str = "microphone", **more: Any) -> Track:
    codec = Codec(111, "opus/48000") if kind == "audio" else Codec(96, "vp8/90000")
    one = Incoming("0", kind, codec, **more)
    keys: list[str] = []
    return Track(
        owner, one, Shown(source), outbox=Outbox(Buffer(), by_hand), upstream=Up(),
        on_key=keys.append, waiting=set(),
    )  # fmt: skip


@dataclass
class Guest:
    """Somebody in a room who remembers what they are told."""

    id: str
    name: str = ""
    language: str = "en"
    tracks: dict[str, Track] = field(default_factory=dict)
    told: list[Message] = field(default_factory=list)
    followed: int = 0
    left: str = ""
    room: Room | None = None

    def tell(self, message: Message) -> None:
        self.told.append(message)

    def follow(self) -> None:
        self.followed += 1

    def look(self, now: float) -> None:
        """Nothing is sent to them."""

    def leave(self, reason: str) -> None:
        self.left = reason
        if self.room:
            self.room.leave(self, reason)

    def send(self, *tracks: Track) -> None:
        self.tracks |= {one.id: one for one in tracks}

    @property
    def heard(self) -> list[str]:
        return [str(message["type"]) for message in self.told]
