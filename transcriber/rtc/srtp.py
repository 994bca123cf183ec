"""
Encryption in place.

`pylibsrtp.Session` copies each packet twice and makes three objects for it; the same library
called on our own buffer takes half the time. This uses two private names of pylibsrtp, which is
pinned for that reason, and a test says when they move. The session is kept for as long as its
handle is used: a handle without its session crashes the process.
"""

from __future__ import annotations

from typing import Any

from pylibsrtp import Session
from pylibsrtp._binding import lib

from transcriber.rtc.buffer import SIZE, Buffer

__all__ = ["ROOM", "Inbound", "Outbound"]

ROOM = SIZE - 148
"""Bytes of a packet that can be encrypted in a buffer: libsrtp appends up to 148."""
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

    def media(self, buffer: Buffer, size: int) -> int:
        """Encrypt a packet of at most `ROOM` bytes where it lies; return its size, 0 if refused."""
        length = buffer.length
        length[0] = size
        return 0 if _protect(self._handle, buffer.srtp, length) else int(length[0])

    def control(self, packet: bytes) -> bytes:
        """Return an encrypted control packet; these are rare."""
        return bytes(self._session.protect_rtcp(packet))
