"""Scalable pictures as publishers send them: VP9's descriptor, and the one beside AV1."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["av1", "structure", "vp9"]

L3T2 = ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1))
"""Three sizes at two frame rates each."""


def vp9(
    size: int = 0,
    rate: int = 0,
    *,
    alone: bool = False,
    up: bool = False,
    begins: bool = True,
    ends: bool = True,
    sizes: int = 0,
    flexible: bool = False,
    number: int | None = 5,
) -> bytes:
    """A payload of a size and frame rate; `alone` needs no other picture."""
    first = 0x20 | (not alone) << 6 | begins << 3 | ends << 2
    body = bytes((rate << 5 | up << 4 | size << 1,))
    if flexible:
        first |= 0x10
        body += b"" if alone else bytes((1 << 1 | 1, 2 << 1))
    else:
        body += b"\x07"
    if sizes:
        first |= 0x02
        body += bytes((sizes - 1 << 5,))
    if number is not None:
        first |= 0x80
        body = (
            bytes((0x80 | number >> 8, number & 0xFF)) if number > 127 else bytes((number,))
        ) + body
    return bytes((first,)) + body + b"picture"


def structure(
    layers: Sequence[tuple[int, int]] = L3T2, *, first: int = 0, switch: bool = True
) -> str:
    """The bits of the templates: whatever is below a cut is needed for it."""
    bits = f"{first:06b}{len(layers) - 1:05b}"
    for before, after in zip(layers, [*layers[1:], None], strict=True):
        steps = {None: 3, before: 0, (before[0], before[1] + 1): 1}
        bits += f"{steps.get(after, 2):02b}"
    for size, rate in layers:
        for most, fastest in layers:
            below = size <= most and rate <= fastest
            bits += f"{(2 if switch else 3) if below else 0:02b}"
    return bits


def av1(
    template: int,
    *,
    begins: bool = True,
    ends: bool = True,
    brings: str = "",
    own: str = "",
    active: str = "",
) -> bytes:
    """A descriptor; `brings` are the templates of a keyframe, `own` what it says itself."""
    bits = f"{begins:b}{ends:b}{template % 64:06b}{7:016b}"
    if brings or own or active:
        bits += f"{bool(brings):b}{bool(active):b}{bool(own):b}00{brings}{active}{own}"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
