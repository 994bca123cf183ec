"""
What we offer to send a participant: a section for each track, and what their answer takes of it.

Sections can never be taken back: the one of a track that is gone becomes inactive and is used
again for the next of its kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from transcriber.rtc import rtp
from transcriber.rtc.sdp import Codec, Description, Section
from transcriber.rtc.sfu.packet import Form

__all__ = ["Slot", "Types", "form", "sections", "taken"]

LEVEL, SENT_AT, NEEDS = 1, 3, 4
"""
Numbers of the header extensions that we write: how loud a packet is, when it was sent, and what it
depends on.
"""
FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")
FIRST, LAST = 96, 127
"""The payload types that mean what we say."""


class Types:
    """Payload types of one connection: a codec keeps its own for as long as that lives."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], int] = {("opus/48000", ""): 111}
        self._fixed = {"pcmu/8000": 0, "pcma/8000": 8, "g722/8000": 9}

    def of(self, codec: Codec) -> int:
        """Return the payload type of a codec; one that is new takes a free one."""
        if codec.name in self._fixed:
            return self._fixed[codec.name]
        key = (codec.name, "" if codec.name == "opus/48000" else codec.parameters)
        if key not in self._known:
            free = set(range(FIRST, LAST + 1)) - set(self._known.values())
            self._known[key] = min(free, default=LAST)
        return self._known[key]


@dataclass(slots=True)
class Slot:
    """One section: what it carries now, under which source; `stream` belongs together."""

    mid: str
    kind: str
    codec: Codec = field(default_factory=lambda: Codec(111, "opus/48000"))
    source: int = 0
    stream: str = ""
    track: str = ""

    @property
    def free(self) -> bool:
        """Whether it carries nothing."""
        return not self.track


def sections(slots: Sequence[Slot]) -> list[Section]:
    """Return the sections of our offer."""
    return [
        Section(
            kind=slot.kind,
            mid=slot.mid,
            direction="inactive" if slot.free else "sendonly",
            codecs=(slot.codec,),
            extensions=_extensions(slot),
            setup="actpass",
            lines=tuple(_lines(slot)),
        )
        for slot in slots
    ]


def form(codec: Codec, kind: str) -> Form:
    """Return how packets of a codec are written."""
    if kind == "audio":
        return Form(codec.payload_type, LEVEL)
    return Form(codec.payload_type, sent_at=SENT_AT, needs=NEEDS if _scaled(codec) else 0)


def _scaled(codec: Codec) -> bool:
    """Whether packets of a codec say beside their payload what they depend on."""
    return codec.name == "av1/90000"


def _extensions(slot: Slot) -> tuple[tuple[int, str], ...]:
    if slot.kind == "audio":
        return ((LEVEL, rtp.AUDIO_LEVEL),)
    needs = ((NEEDS, rtp.DEPENDENCY),) if _scaled(slot.codec) else ()
    return ((SENT_AT, rtp.SEND_TIME), *needs)


def _lines(slot: Slot) -> Iterator[str]:
    yield "rtcp-rsize"
    if _scaled(slot.codec):
        yield "extmap-allow-mixed"
    if slot.kind == "video":
        yield from (f"rtcp-fb:{slot.codec.payload_type} {name}" for name in FEEDBACK)
    if not slot.free:
        yield f"msid:{slot.stream} {slot.track}"
        yield f"ssrc:{slot.source} cname:{slot.stream}"


def taken(slots: Sequence[Slot], answer: Description) -> set[str]:
    """Return the tracks that an answer takes: in its section, with its codec."""
    accepted = {
        section.mid
        for section in answer.sections
        if section.port and section.direction in ("recvonly", "sendrecv") and section.codecs
    }
    return {slot.track for slot in slots if slot.track and slot.mid in accepted}
