"""
Encryption in place.

`pylibsrtp.Session` copies each packet twice and makes three objects for it; the same library
called on our own buffer takes half the time. This uses two private names of pylibsrtp, which is
pinned for that reason, and a test says when they move. The session is kept for as long as its
handle is used: a handle without its session crashes the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import add
from typing import Any

import numpy as np
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

from transcriber.rtc.buffer import SIZE, Buffer

__all__ = ["ROOM", "Inbound", "Memory", "Outbound", "encrypt"]

TRAILER = 148
"""Bytes that libsrtp may append to a packet."""
ROOM = SIZE - TRAILER
"""Bytes of a packet that can be encrypted in a buffer."""
_unprotect, _unprotect_rtcp = lib.srtp_unprotect, lib.srtp_unprotect_rtcp
_protect = lib.srtp_protect


class Inbound:
    """Decrypts what one peer sends."""

    __slots__ = ("_handle", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._handle: Any = session._srtp[0]

    def media(self, buffer: Buffer, size: int) -> int:
        """Decrypt a packet where it lies; return its size, 0 if it is forged or a replay."""
        length = buffer.length
        length[0] = size
        return 0 if _unprotect(self._handle, buffer.srtp, length) else int(length[0])

    def control(self, buffer: Buffer, size: int) -> int:
        """Do the same with a control packet."""
        length = buffer.length
        length[0] = size
        return 0 if _unprotect_rtcp(self._handle, buffer.srtp, length) else int(length[0])


class Outbound:
    """Encrypts what we send to one peer."""

    __slots__ = ("_handle", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._handle: Any = session._srtp[0]

    @property
    def handle(self) -> Any:
        """What `encrypt` takes; good for as long as this is kept."""
        return self._handle

    def media(self, buffer: Buffer, size: int) -> int:
        """Encrypt a packet of at most `ROOM` bytes where it lies; return its size, 0 if refused."""
        length = buffer.length
        length[0] = size
        return 0 if _protect(self._handle, buffer.srtp, length) else int(length[0])

    def control(self, packet: bytes) -> bytes:
        """Return an encrypted control packet; these are rare."""
        return bytes(self._session.protect_rtcp(packet))


class Memory:
    """Room for many packets side by side."""

    __slots__ = ("begin", "data", "lengths", "places", "view")

    def __init__(self, size: int) -> None:
        self.data = bytearray(size + TRAILER)
        self.view = memoryview(self.data)
        self.begin: Any = ffi.from_buffer("char[]", self.data) + 0
        self.lengths = np.zeros(0, np.int32)
        self.places: list[Any] = []
        """Where libsrtp finds the length of each packet."""

    def measure(self, count: int, size: int) -> None:
        """Say that there are so many packets of a size."""
        if count > len(self.places):
            self.lengths = np.zeros(2 * count, np.int32)
            first = ffi.from_buffer("int[]", self.lengths) + 0
            self.places = [first + place for place in range(2 * count)]
        self.lengths[:count] = size


def encrypt(memory: Memory, handles: Sequence[Any], size: int, stride: int) -> Any:
    """Encrypt a packet of a size for each, `stride` bytes apart; the sizes then, 0 if refused."""
    count = len(handles)
    memory.measure(count, size)
    cells = map(add, repeat(memory.begin), range(0, count * stride, stride))
    refused = list(map(_protect, handles, cells, memory.places))
    sizes = memory.lengths[:count]
    if any(refused):
        sizes[np.array(refused, bool)] = 0
    return sizes
