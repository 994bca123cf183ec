"""
Where a picture can begin: does a payload start a keyframe?

Only there can a subscriber join, or change from one layer of a simulcast to another. The first
bytes of the payload say it; nothing is decoded. An unknown codec is said to begin always.
"""

from __future__ import annotations

from collections.abc import Callable

from transcriber.rtc.rtp import Octets

__all__ = ["begins"]


def begins(codec: str, payload: Octets) -> bool:
    """Whether a payload begins a keyframe of a codec that is named as in `vp8/90000`."""
    reads = _CODECS.get(codec.partition("/")[0])
    if reads is None:
        return True
    try:
        return reads(payload)
    except IndexError:
        return False


def _vp8(payload: Octets) -> bool:
    """RFC 7741: the first partition's start, and a frame header without the inter bit."""
    first, at = payload[0], 1
    if first & 0x80:
        flags = payload[1]
        at = 2
        if flags & 0x80:
            at += 2 if payload[2] & 0x80 else 1
        at += bool(flags & 0x40) + bool(flags & 0x30)
    return bool(first & 0x10) and not first & 0x0F and not payload[at] & 1


def _vp9(payload: Octets) -> bool:
    """RFC 9628: begins a frame, not predicted from another, of the lowest spatial layer."""
    first, at = payload[0], 1
    if first & 0x80:
        at += 2 if payload[1] & 0x80 else 1
    low = not first & 0x20 or not payload[at] >> 1 & 7
    return bool(first & 0x08) and not first & 0x40 and low


def _h264(payload: Octets) -> bool:
    """RFC 6184: a parameter set or an IDR slice, alone, in an aggregate or as first fragment."""
    kind = payload[0] & 31
    if kind == 24:
        kind = payload[3] & 31
    elif kind in (28, 29):
        kind = payload[1] & 31 if payload[1] & 0x80 else 0
    return kind in (5, 7)


def _av1(payload: Octets) -> bool:
    """AV1 RTP: the N bit, first packet of a coded video sequence."""
    return bool(payload[0] & 0x08)


_CODECS: dict[str, Callable[[Octets], bool]] = {
    "vp8": _vp8,
    "vp9": _vp9,
    "h264": _h264,
    "av1": _av1,
}
