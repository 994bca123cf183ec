"""
What two sides agree on: which payload types mean what, and who is heard.

Opus comes first; what telephones insist on is taken as well. Redundancy (RED), retransmission,
comfort noise and keys are taken where they are offered, because reading them costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from transcriber.errors import BadInput
from transcriber.rtc import rtp
from transcriber.rtc.codec import CODECS
from transcriber.rtc.receiver import Formats
from transcriber.rtc.sdp import Codec, Direction, Section

__all__ = ["Agreed", "agree", "section", "wish"]

OPUS = "opus/48000"
PARAMETERS = "minptime=10;useinbandfec=1;stereo=0;usedtx=1"
"""Mono speech with a copy of the last packet in each, and nothing in silence."""
LEVEL = 1
"""Number of the audio level extension in our offers."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The outcome: what we read, whether we hear and speak, and as what we send Opus."""

    formats: Formats = field(default_factory=Formats)
    codecs: tuple[Codec, ...] = ()
    hear: bool = False
    speak: bool = False
    opus: int = -1


def agree(theirs: Section, *, hear: bool, speak: bool) -> Agreed:
    """Choose from what the other side wrote; raises `BadInput` if we can decode none of it."""
    names = list(CODECS)
    main = [codec for codec in theirs.codecs if codec.name in CODECS]
    if not main:
        offered = ", ".join(codec.name or str(codec.payload_type) for codec in theirs.codecs)
        raise BadInput(f"no common codec: the other side has {offered or 'none'}")
    main.sort(key=lambda codec: names.index(codec.name))
    clocks = {codec.name.partition("/")[2] for codec in main}
    types = {codec.payload_type for codec in main}
    extra = [codec for codec in theirs.codecs if _useful(codec, clocks, types)]
    opus = next((codec.payload_type for codec in main if codec.name == OPUS), -1)
    found = {name: _types(extra, name) for name in ("red", "cn", "telephone-event")}
    again = {codec.payload_type: _again(codec) for codec in extra if codec.name[:4] == "rtx/"}
    formats = Formats(
        codecs={codec.payload_type: codec.name for codec in main},
        red=found["red"],
        noise=found["cn"],
        keys=found["telephone-event"],
        again=again,
        level=theirs.extension(rtp.AUDIO_LEVEL),
    )
    return Agreed(
        formats=formats,
        codecs=tuple(_ours(codec) for codec in (*main, *extra)),
        hear=hear and theirs.direction in ("sendrecv", "sendonly"),
        speak=speak and theirs.direction in ("sendrecv", "recvonly") and opus >= 0,
        opus=opus,
    )


def section(agreed: Agreed, setup: str) -> Section:
    """Return our side of an agreement."""
    level = agreed.formats.level
    return Section(
        kind="audio",
        direction=_direction(hear=agreed.hear, speak=agreed.speak),
        codecs=agreed.codecs,
        extensions=((level, rtp.AUDIO_LEVEL),) if level else (),
        setup=setup,
    )


def wish(*, hear: bool, speak: bool) -> Section:
    """Return what we offer."""
    return Section(
        kind="audio",
        direction=_direction(hear=hear, speak=speak),
        codecs=(Codec(111, OPUS, PARAMETERS),),
        extensions=((LEVEL, rtp.AUDIO_LEVEL),),
    )


def _direction(*, hear: bool, speak: bool) -> Direction:
    if hear:
        return "sendrecv" if speak else "recvonly"
    return "sendonly" if speak else "inactive"


def _useful(codec: Codec, clocks: set[str], types: set[int]) -> bool:
    name, _, clock = codec.name.partition("/")
    if name == "rtx":
        return _again(codec) in types
    return name in ("red", "cn", "telephone-event") and clock in clocks


def _types(codecs: list[Codec], name: str) -> frozenset[int]:
    return frozenset(codec.payload_type for codec in codecs if codec.name.startswith(f"{name}/"))


def _again(codec: Codec) -> int:
    number = codec.parameters.partition("apt=")[2].partition(";")[0].strip()
    return int(number) if number.isdecimal() else -1


def _ours(codec: Codec) -> Codec:
    return Codec(codec.payload_type, codec.name, PARAMETERS) if codec.name == OPUS else codec
