"""
Media that the kernel counts, so that those who get it cost nothing on the machine that they share.

A filter on a socket lets control and connectivity checks through, and drops media after it has
arrived at the socket; what was dropped there, the kernel counts.
"""

from __future__ import annotations

import ctypes
import socket
import struct

__all__ = ["arrived", "count_media"]

ATTACH_FILTER, MEMINFO = 26, 55
"""Linux: `SO_ATTACH_FILTER` and `SO_MEMINFO`, which Python does not name."""
DROPS = 8
"""Place of the packets that were dropped, among nine numbers."""
LOAD, AT_LEAST, RETURN = 0x30, 0x35, 0x06
"""Classic BPF: a byte of the packet, a comparison with two jumps, the end."""
FIRST, SECOND = 8, 9
"""The first two bytes behind the header of UDP."""
PROGRAM = (
    (LOAD, 0, 0, FIRST),
    (AT_LEAST, 0, 4, 128),
    (AT_LEAST, 3, 0, 192),
    (LOAD, 0, 0, SECOND),
    (AT_LEAST, 0, 2, 192),
    (AT_LEAST, 1, 0, 224),
    (RETURN, 0, 0, 0xFFFF_FFFF),
    (RETURN, 0, 0, 0),
)
"""Media is 128 to 191, unless the second byte says that it is control (RFC 7983, RFC 5761)."""


def count_media(sock: socket.socket) -> None:
    """Have the kernel drop and count the media that arrives from now on."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in PROGRAM))
    sock.setsockopt(
        socket.SOL_SOCKET,
        ATTACH_FILTER,
        struct.pack("HxxxxxxP", len(PROGRAM), ctypes.addressof(code)),
    )


def arrived(sock: socket.socket) -> int:
    """Return how many packets of media have arrived."""
    return int(struct.unpack("9I", sock.getsockopt(socket.SOL_SOCKET, MEMINFO, 36))[DROPS])
