"""
Ways to participants: each with a certificate of its own.

Browsers keep their keys when only the addresses change, and start anew when the certificate does.
So one that lost its way to us finds the next one, whatever it still knows of the last.
"""

from __future__ import annotations

from collections.abc import Callable

from aiortc import RTCCertificate

from transcriber.rtc import rtcp
from transcriber.rtc.link import OnMedia
from transcriber.rtc.media import Media
from transcriber.rtc.path import Path

__all__ = ["new_path"]


def new_path(
    media: Media,
    *,
    on_media: OnMedia,
    on_control: Callable[[list[rtcp.Item], float], None],
    on_lost: Callable[[Path], object],
) -> Path:
    """Make a way; `on_lost` is told which one was lost."""
    path: Path
    path = Path(
        media,
        on_media=on_media,
        on_control=on_control,
        on_lost=lambda why: on_lost(path),
        certificate=RTCCertificate.generateCertificate(),
    )
    return path
