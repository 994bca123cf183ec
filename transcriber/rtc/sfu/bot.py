"""
Our voice in a room: a participant that is no connection.

What it says is encoded once and goes to everybody, through the same forwarder as what people say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from transcriber.audio.block import Samples
from transcriber.ids import new_id
from transcriber.rtc import rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.media import Media
from transcriber.rtc.sdp import Codec
from transcriber.rtc.sender import Clip, Sender
from transcriber.rtc.sfu.incoming import Incoming
from transcriber.rtc.sfu.room import Message, Room
from transcriber.rtc.sfu.track import Shown, Track

__all__ = ["Bot"]

LEVEL = 1
"""Number of the audio level extension between us and ourselves."""
OPUS = Codec(111, "opus/48000")


class Bot:
    """One voice in one room, from its first word until it is closed."""

    def __init__(self, room: Room, media: Media, name: str, *, heard: bool = False) -> None:
        """`heard`: what it says is captioned, as it is nothing that we know already."""
        self.id = new_id("bot")
        self.name, self.heard = name, heard
        self.language = room.plan.language
        self._room, self._media = room, media
        one = Incoming("0", "audio", OPUS, extensions=((LEVEL, rtp.AUDIO_LEVEL),))
        self._track = Track(
            self.id,
            one,
            Shown("microphone"),
            outbox=media.outbox,
            upstream=self,
            on_key=_nothing,
            waiting=media.reader.waiting,
        )
        self._sender = Sender(media.pacer, Buffer())
        room.enter(self)
        self._sender.open(self, payload_type=OPUS.payload_type, level=LEVEL)
        room.publish(self, [self._track])

    @property
    def tracks(self) -> Mapping[str, Track]:
        """What it sends."""
        return {self._track.id: self._track}

    def play(self, what: Samples | Clip) -> None:
        """Say something after everything else; raises `Overloaded` when minutes of it wait."""
        self._sender.play(what)

    def mark(self, reached: Callable[[bool], None]) -> None:
        """Be told when everything so far has gone out."""
        self._sender.mark(reached)

    def stop(self) -> None:
        """Be silent at once."""
        self._sender.stop()

    def close(self) -> None:
        """Leave the room."""
        self._sender.close()
        self._room.leave(self, "left")
        self._track.close()

    def send(self, buffer: Buffer, size: int) -> None:
        """Pass a packet of ours on to everybody."""
        self._track.media(buffer, size, self._media.now())

    def send_control(self, packet: bytes) -> None:
        """Nothing is asked of us that we could do better."""

    def tell(self, message: Message) -> None:
        """It reads nothing."""

    def follow(self) -> None:
        """It hears nothing."""

    def look(self, now: float) -> None:
        """Nothing is sent to it."""

    def leave(self, reason: str) -> None:
        """Be sent away."""
        self.close()


def _nothing(key: str) -> None:
    """It presses no keys."""
