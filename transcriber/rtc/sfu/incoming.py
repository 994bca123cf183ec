"""
What a participant may send us: an offer to publish, read, and our answer to it.

Of each section we take one codec, the first of theirs that browsers can play without our help, so
that everything sent means the same from then on. What was lost may be repeated in a stream of its
own (RTX), keys of telephones may be pressed, and the same picture may come in several sizes. What
we do not take stays as an inactive section, so that it can come back in a later offer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from transcriber.errors import BadInput
from transcriber.rtc import rtp
from transcriber.rtc.sdp import Codec, Description, Section

__all__ = ["Incoming", "accept", "sections"]

CODECS = {
    "audio": ("opus/48000", "g722/8000", "pcma/8000", "pcmu/8000"),
    "video": ("vp8/90000", "vp9/90000", "h264/90000", "av1/90000"),
}
"""What browsers play, by kind."""
OPUS = "minptime=10;useinbandfec=1;usedtx=1"
"""A copy of the last packet in each, and nothing in silence."""
EXTENSIONS = {
    "audio": (rtp.AUDIO_LEVEL, rtp.MID),
    "video": (rtp.MID, rtp.RID, rtp.REPAIRED_RID, rtp.TRANSPORT_WIDE, rtp.DEPENDENCY),
}
FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")
SIZES = {
    name: place
    for place, names in enumerate((("q", "l", "low"), ("h", "m", "mid"), ("f", "high")))
    for name in names
}
"""What layers are usually called, from the smallest on; `h` is half where there is a `q`."""
MOST = 32
"""Sections of an offer: nobody has as many cameras."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One section of what somebody sends, as agreed; numbers of extensions are 0 if not sent."""

    mid: str
    kind: str
    codec: Codec
    again: int = -1
    keys: frozenset[int] = frozenset()
    extensions: tuple[tuple[int, str], ...] = ()
    layers: tuple[str, ...] = ()
    sources: tuple[int, ...] = ()
    repeats: tuple[tuple[int, int], ...] = ()

    def extension(self, uri: str) -> int:
        """Return the number of a header extension."""
        return next((number for number, name in self.extensions if name == uri), 0)


def accept(theirs: Description, wanted: Collection[str]) -> list[Incoming]:
    """Return what we take of the sections that are wanted; raises `BadInput` if we cannot."""
    if len(theirs.sections) > MOST:
        raise BadInput(f"an offer of {len(theirs.sections)} sections", remedy=f"send {MOST}")
    found = {section.mid: section for section in theirs.sections}
    for mid in wanted:
        section = found.get(mid)
        if section is None or section.kind not in CODECS or not section.port:
            raise BadInput(f"the offer has no sound or picture with the mid {mid!r}")
        if len(found) > 1 and mid not in theirs.bundle:
            raise BadInput(f"the section {mid!r} is not bundled", remedy="bundle everything")
    return [
        _incoming(section)
        for section in theirs.sections
        if section.mid in wanted and section.direction in ("sendrecv", "sendonly")
    ]


def _incoming(section: Section) -> Incoming:
    known = CODECS[section.kind]
    main = next((codec for codec in section.codecs if codec.name in known), None)
    if main is None:
        offered = ", ".join(codec.name or str(codec.payload_type) for codec in section.codecs)
        raise BadInput(
            f"no codec that we forward: {section.mid!r} has {offered or 'none'}",
            remedy=f"send one of {', '.join(known)}",
        )
    apt = f"apt={main.payload_type}"
    again = [
        codec.payload_type
        for codec in section.codecs
        if codec.name.startswith("rtx/") and apt in codec.parameters.replace(" ", "").split(";")
    ]
    clock = main.name.partition("/")[2]
    keys = (c.payload_type for c in section.codecs if c.name == f"telephone-event/{clock}")
    return Incoming(
        mid=section.mid,
        kind=section.kind,
        codec=replace(main, parameters=OPUS) if main.name == "opus/48000" else main,
        again=again[0] if again else -1,
        keys=frozenset(keys),
        extensions=tuple(one for one in section.extensions if one[1] in EXTENSIONS[section.kind]),
        layers=tuple(sorted(section.layers, key=lambda name: SIZES.get(name, 0))),
        sources=section.sources,
        repeats=section.again,
    )


def sections(theirs: Description, taken: Collection[Incoming], setup: str) -> Iterator[Section]:
    """Yield the sections of our answer."""
    accepted = {one.mid: one for one in taken}
    for section in theirs.sections:
        if one := accepted.get(section.mid):
            yield _taken(section, one, setup)
        elif section.kind in CODECS and section.port and section.codecs:
            yield replace(
                _bare(section), direction="inactive", codecs=section.codecs[:1], setup=setup
            )
        else:
            yield replace(_bare(section), port=0, direction="inactive", formats=section.formats)


def _bare(section: Section) -> Section:
    return Section(section.kind, protocol=section.protocol, mid=section.mid)


def _taken(section: Section, one: Incoming, setup: str) -> Section:
    extra = [c for c in section.codecs if c.payload_type == one.again or c.payload_type in one.keys]
    return replace(
        _bare(section),
        direction="recvonly",
        codecs=(one.codec, *extra),
        extensions=one.extensions,
        setup=setup,
        lines=tuple(_lines(one)),
    )


def _lines(one: Incoming) -> Iterator[str]:
    yield "rtcp-rsize"
    if one.kind == "video":
        yield from (f"rtcp-fb:{one.codec.payload_type} {name}" for name in FEEDBACK)
    if one.extension(rtp.DEPENDENCY):
        yield "extmap-allow-mixed"  # what a keyframe depends on is too long for the short form
    if one.layers:
        yield from (f"rid:{layer} recv" for layer in one.layers)
        yield f"simulcast:recv {';'.join(one.layers)}"
