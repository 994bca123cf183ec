"""Which part of a picture each packet of a stream is, where codecs have parts (SVC)."""

from __future__ import annotations

from transcriber.rtc import rtp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.sfu.dependency import Dependencies
from transcriber.rtc.sfu.packet import Packet
from transcriber.rtc.sfu.scalable import Vp9

__all__ = ["Parts"]


class Parts:
    """Reads one stream; `needs` is the number of the header extension that tells of AV1's parts."""

    def __init__(self, codec: str, needs: int) -> None:
        self._vp9 = Vp9() if codec.startswith("vp9") else None
        self._needs = needs if codec.startswith("av1") else 0
        self._dependencies = Dependencies()

    @property
    def possible(self) -> bool:
        """Whether there can be any."""
        return self._vp9 is not None or self._needs > 0

    def tell(self, packet: Packet, buffer: Buffer, start: int) -> Packet:
        """Return a packet with what it is; it lies in a buffer, with its payload at `start`."""
        if self._vp9 is not None:
            return packet._replace(part=self._vp9.read(packet.payload))
        needs = b""
        if found := rtp.extension(buffer.data, start, self._needs):
            needs = bytes(buffer.view[found[0] : found[0] + found[1]])
        return packet._replace(part=self._dependencies.read(needs), needs=needs)
