"""
Packets out of an Ogg stream that arrives in pieces: enough for Opus from browsers and ffmpeg.

A page is a header, a table of segment sizes and the segments; a packet is all segments up to one
shorter than 255 bytes and may continue on the next page. One logical stream is read, whichever
begins first. Checksums are not verified: the pieces come over TCP. Bytes that are no page are
skipped up to the next page.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Pages"]

MAGIC = b"OggS"
HEADER = 27
"""Bytes of a page before its table of segments."""
CONTINUED = 1
"""Flag of a page that begins in the middle of a packet."""
MOST = 1 << 16
"""Bytes that a page cannot exceed, and no Opus packet comes near."""


class Pages:
    """Takes pieces of any size and gives the packets that are complete."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._packet = bytearray()
        self._serial: bytes | None = None

    def read(self, piece: bytes) -> Iterator[bytes]:
        """Take in the next piece."""
        self._data += piece
        while page := self._page():
            flags, table, body = page
            if not flags & CONTINUED:
                self._packet.clear()
            yield from self._packets(table, body)

    def _page(self) -> tuple[int, bytes, bytes] | None:
        """Cut off the first whole page of our stream."""
        while True:
            begin = self._data.find(MAGIC)
            del self._data[: begin if begin >= 0 else max(0, len(self._data) - len(MAGIC) + 1)]
            if len(self._data) < HEADER:
                return None
            table = bytes(self._data[HEADER : HEADER + self._data[HEADER - 1]])
            size = HEADER + len(table) + sum(table)
            if len(table) < self._data[HEADER - 1] or len(self._data) < size:
                return None
            page = bytes(self._data[:size])
            del self._data[:size]
            serial = page[14:18]
            self._serial = self._serial or serial
            if serial == self._serial:
                return page[5], table, page[HEADER + len(table) :]

    def _packets(self, table: bytes, body: bytes) -> Iterator[bytes]:
        position = 0
        for size in table:
            self._packet += body[position : position + size]
            position += size
            if size < 255 or len(self._packet) > MOST:
                yield bytes(self._packet)
                self._packet.clear()
