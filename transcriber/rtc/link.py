"""
The encrypted way to one peer, once ICE and DTLS have made it.

From then on media does not pass through aiortc any more. What arrives is told apart by its first
byte (RFC 7983): media comes here, connectivity checks go on to aioice and handshakes to DTLS,
and the rest is dropped, because those libraries take some of it for theirs and fail. Sockets of
our own are read by the tick; what comes through a relay, by aioice's own callback.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Protocol

from aiortc import RTCDtlsTransport

from transcriber.rtc import rtcp
from transcriber.rtc.buffer import SIZE, Buffer
from transcriber.rtc.rtp import is_rtcp
from transcriber.rtc.srtp import Inbound, Outbound
from transcriber.rtc.tick import Address, Reader

__all__ = ["Link", "OnMedia"]

COOKIE = b"\x21\x12\xa4\x42"
"""What makes a packet a connectivity check (RFC 8489)."""
MALFORMED = (ValueError, LookupError, struct.error, AssertionError, OSError)
"""What aioice raises over a message that it cannot read or answer."""
SEGMENT = (17, 103)
"""Linux: `SOL_UDP` and `UDP_SEGMENT`, which Python does not name."""
UNCUT = {errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP}
"""What the kernel says where it cannot cut a run into packets: an old one, or an odd device."""
_numbers = itertools.count()
_size = struct.Struct("@H").pack


class OnMedia(Protocol):
    """Takes a decrypted packet that lies in a buffer until the call returns."""

    def __call__(self, buffer: Buffer, size: int, now: float) -> None:
        """Use it before returning."""


class Link:
    """
    Carries media and media control both ways.

    `on_media` gets every genuine packet, `on_control` what the peer says about media. Losing the
    way is not noticed here but by the peer's ICE and DTLS.
    """

    def __init__(
        self,
        dtls: RTCDtlsTransport,
        reader: Reader,
        *,
        on_media: OnMedia,
        on_control: Callable[[list[rtcp.Item], float], None],
        kept: int = 0,
        patient: bool = False,
    ) -> None:
        self.rejected = self.unsent = 0
        self.number = next(_numbers)
        self.arrived_at = 0.0
        """When the last packet arrived at the machine, as time of day; if `stamp` was called."""
        self._stamped = False
        self._kept, self._patient = kept, patient
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._inbound, self._outbound = Inbound(dtls._rx_srtp), Outbound(dtls._tx_srtp)
        self._on_media, self._on_control = on_media, on_control
        self._pair: Any = None
        self._cuts: socket.socket | None = None
        """The socket that cuts runs into packets, if one does."""
        self._send: Callable[[memoryview], object] = self._nowhere
        self._protocols: list[Any] = []
        self._sockets: list[Any] = []
        self.follow(dtls.transport._connection)

    def follow(self, connection: Any) -> None:
        """Carry media over this ICE connection from now on, and over the last one no more."""
        self._give_back()
        self._connection = connection
        self._protocols += connection._protocols
        for protocol in self._protocols:
            self._take_over(protocol)

    def _take_over(self, protocol: Any) -> None:
        protocol.datagram_received = lambda data, address: self._received(protocol, data, address)
        sock = getattr(protocol.transport, "_sock", None)
        if sock is not None and self._kept:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._kept)
        unwatch = getattr(self._loop, "_remove_reader", None)
        if sock is not None and unwatch is not None:
            unwatch(sock.fileno())
            self._sockets.append(sock)
            stamp = self._arrived if self._stamped else None
            self._reader.attach(sock, _Socket(self, protocol), stamp, patient=self._patient)

    def stamp(self) -> None:
        """Keep `arrived_at` from now on; costs a little for each packet."""
        if not self._stamped and self._connection is not None:
            self._stamped = True
            self.follow(self._connection)

    def close(self) -> None:
        """Give the sockets back and send no more."""
        self._give_back()
        self._connection = self._pair = None
        self._send = self._nowhere

    def _give_back(self) -> None:
        for sock in self._sockets:
            self._reader.detach(sock)
        for protocol in self._protocols:
            vars(protocol).pop("datagram_received", None)
        self._sockets.clear()
        self._protocols.clear()

    def media(self, buffer: Buffer, size: int, now: float) -> None:
        """Take an encrypted packet from the network."""
        if is_rtcp(buffer.data[1]):
            size = self._inbound.control(buffer, size)
            if size:
                self._on_control(rtcp.read(buffer.data, size), now)
        else:
            size = self._inbound.media(buffer, size)
            if size:
                self._on_media(buffer, size, now)
        if not size:
            self.rejected += 1

    def send(self, buffer: Buffer, size: int) -> None:
        """Encrypt a packet of at most `srtp.ROOM` bytes where it lies, and send it."""
        if self._way() and (size := self._outbound.media(buffer, size)):
            self._emit(buffer.view[:size])

    @property
    def key(self) -> Any:
        """What `srtp.encrypt` takes to encrypt for this peer; good for as long as this is kept."""
        return self._outbound.handle

    def send_run(self, run: memoryview, size: int) -> None:
        """Send encrypted packets that lie side by side, all of one size."""
        if not self._way():
            return
        if len(run) > size and self._cuts is not None:
            try:
                self._cuts.sendmsg([run], [(*SEGMENT, _size(size))], 0, self._pair.remote_addr)
                return
            except OSError as error:
                if error.errno not in UNCUT:
                    self.unsent += len(run) // size
                    return
                self._cuts = None
        for at in range(0, len(run), size):
            self._emit(run[at : at + size])

    def send_control(self, packet: bytes) -> None:
        """Encrypt and send a control packet."""
        if self._way():
            self._emit(memoryview(self._outbound.control(packet)))

    def _emit(self, packet: memoryview) -> None:
        try:
            self._send(packet)
        except OSError:  # the socket is full or gone: late media is worth nothing
            self.unsent += 1

    def _way(self) -> bool:
        """Follow ICE, which may choose another pair of addresses at any time."""
        if self._connection is None:
            return False
        pair = self._connection._nominated.get(1)
        if pair is not self._pair:
            self._pair = pair
            self._send = self._nowhere if pair is None else self._toward(pair)
            self._cuts = getattr(pair.protocol.transport, "_sock", None) if pair else None
        return pair is not None

    def _toward(self, pair: Any) -> Callable[[memoryview], object]:
        transport, address = pair.protocol.transport, pair.remote_addr
        if (sock := getattr(transport, "_sock", None)) is not None:
            return lambda packet: sock.sendto(packet, address)
        return lambda packet: transport.sendto(bytes(packet), address)

    def _arrived(self, moment: float) -> None:
        self.arrived_at = moment

    def _nowhere(self, packet: memoryview) -> None:
        self.unsent += 1

    def _received(self, protocol: Any, data: bytes, address: Address) -> None:
        """Take what the event loop or a relay read; the same way as what the tick reads."""
        if data and 127 < data[0] < 192:
            if len(data) <= SIZE:
                self.arrived_at = time.time()
                buffer = self._reader.buffer
                buffer.view[: len(data)] = data
                self.media(buffer, len(data), self._loop.time())
                self._reader.play()
                if self._reader.waiting:
                    self._reader.wake()
        else:
            self.other(protocol, data, address)

    def other(self, protocol: Any, data: bytes, address: Address) -> None:
        """Pass connectivity checks and handshakes to their libraries."""
        if _is_check(data) or (data and 20 <= data[0] < 64):
            try:
                type(protocol).datagram_received(protocol, data, address)
            except MALFORMED:
                self.rejected += 1
        else:
            self.rejected += 1


def _is_check(data: bytes) -> bool:
    size = int.from_bytes(data[2:4], "big") + 20
    return len(data) == size and data[0] < 4 and data[4:8] == COOKIE


class _Socket:
    """Remembers which of a connection's sockets a packet came from."""

    __slots__ = ("_link", "_protocol", "media")

    def __init__(self, link: Link, protocol: Any) -> None:
        self._link = link
        self._protocol = protocol
        self.media = link.media

    def other(self, data: bytes, address: Address) -> None:
        self._link.other(self._protocol, data, address)
