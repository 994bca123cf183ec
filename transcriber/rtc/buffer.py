"""One place for a packet, seen by Python and by libsrtp without a copy."""

from __future__ import annotations

from typing import Any

from pylibsrtp._binding import ffi as srtp_ffi

__all__ = ["SIZE", "Buffer"]

SIZE = 2_048
"""Bytes: more than any packet that crosses an Ethernet, and room to encrypt one."""


class Buffer:
    """A reader has one, and so has each thread of it; nobody keeps what is in it."""

    __slots__ = ("data", "length", "srtp", "view")

    def __init__(self) -> None:
        self.data = bytearray(SIZE)
        self.view = memoryview(self.data)
        self.srtp: Any = srtp_ffi.from_buffer("char[]", self.data)
        self.length: Any = srtp_ffi.new("int *")
