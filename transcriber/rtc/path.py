"""
The way to one other side: ICE finds it, DTLS agrees on keys, and then a `Link` carries media.

The keys outlive the addresses. When the network changes, `restart` looks for another way beside
the present one, which stays in use until the new one works; media goes on under the same keys.
ICE is aioice's and DTLS aiortc's; everything that waits has a deadline. We are DTLS server where
we may choose, because as client a third of the subscriptions behind Janus took a second longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

from aioice.stun import TransactionError
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from transcriber import aio
from transcriber.errors import BadInput, TranscriberError
from transcriber.rtc import ice, rtcp, sdp
from transcriber.rtc.ice import Connection
from transcriber.rtc.link import Link, OnMedia
from transcriber.rtc.media import Media

__all__ = ["NoKeys", "NoRelay", "NoRoute", "Path", "Unreachable", "help_found"]

GATHERING = 6.0
"""Seconds to find our own addresses: a little more than servers have to answer."""
CONNECTING = 15.0
"""Seconds for ICE and DTLS together; browsers give up ICE after about as long."""
CLOSING = 2.0
"""Seconds for a goodbye that the network may not want to take."""


class Unreachable(TranscriberError):
    """No way to the other side was found, or the handshake failed; trying again may help."""

    code = "unreachable"


class NoRoute(Unreachable):
    """None of the other side's addresses answers."""


class NoRelay(NoRoute):
    """None of them answers, and we have no relay of our own."""


class NoKeys(Unreachable):
    """The other side answers, but does not agree on keys with us."""


class _Ice:
    """What DTLS takes for its ICE transport: whichever connection is in use."""

    role = "controlled"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def _recv(self) -> bytes:
        while True:
            connection = self._connection
            try:
                return await connection.recv()
            except ConnectionError:
                if connection is self._connection:
                    raise

    async def _send(self, data: bytes) -> None:
        await self._connection.send(data)


async def help_found(servers: Sequence[ice.IceServer]) -> set[str]:
    """
    Ask servers for help; return what came of it: `srflx` from STUN, `relay` from TURN.

    Raises `Unreachable` when a relay refuses, or is not there.
    """
    connection = Connection(ice_controlling=True, **ice.arguments(servers))
    try:
        async with asyncio.timeout(GATHERING):
            await connection.gather_candidates()
        return {found.type for found in connection.local_candidates}
    except (TransactionError, TimeoutError, OSError) as error:
        raise Unreachable("the STUN and TURN servers do not answer") from error
    finally:
        await connection.close()


class Path:
    """
    One way, used once: `gather`, `aim`, `connect`; `trickle` and `restart` at any time.

    `on_lost` is called once if the way is lost after it was there. `kept` are the bytes that the
    kernel keeps while we are busy; 0: what it thinks fit. `patient`: see `Reader.attach`.
    """

    def __init__(
        self,
        media: Media,
        *,
        on_media: OnMedia,
        on_control: Callable[[list[rtcp.Item], float], None],
        on_lost: Callable[[str], object] | None = None,
        certificate: RTCCertificate | None = None,
        kept: int = 0,
        patient: bool = False,
    ) -> None:
        """`certificate` is the process's, unless this way must be told apart from another."""
        self.link: Link | None = None
        self.closed = False
        self._media, self._kept, self._patient = media, kept, patient
        self._on_media, self._on_control, self._on_lost = on_media, on_control, on_lost
        self._offering = False
        self._ice = _Ice(self._new())
        self._next: Connection | None = None
        self._dtls = RTCDtlsTransport(cast(Any, self._ice), [certificate or media.certificate])
        self._loop = asyncio.get_running_loop()
        self._theirs: sdp.Section | None = None

    @property
    def connection(self) -> Connection:
        """The connection that descriptions are about: the next one, if there will be one."""
        return self._next or self._ice._connection

    @property
    def handshaken(self) -> bool:
        """Whether there are keys, so that ICE alone can be started again."""
        return bool(self._dtls.state == "connected")

    def offering(self) -> None:
        """The descriptions that begin are ours; to be said before `gather`."""
        self._offering = True
        self.connection.ice_controlling = True

    async def gather(self) -> None:
        """Find our own addresses; raises `Unreachable`."""
        try:
            async with asyncio.timeout(GATHERING):
                await self.connection.gather_candidates()
        except TimeoutError as error:
            raise Unreachable("the STUN and TURN servers do not answer") from error

    async def restart(self) -> None:
        """Get ready to find another way; `aim` and `connect` then are about that one."""
        if self._next is not None:
            await self._next.close()
        self._next = self._new()
        await self.gather()

    def ours(self, session: int) -> sdp.Ours:
        """Return what we write about ourselves; after `gather`."""
        connection = self.connection
        prints = self._dtls.getLocalParameters().fingerprints
        print_ = next(found for found in prints if found.algorithm == "sha-256")
        return sdp.Ours(
            session=session,
            ufrag=connection.local_username,
            password=connection.local_password,
            fingerprint=(print_.algorithm, print_.value),
            candidates=tuple(ice.to_sdp(found) for found in connection.local_candidates),
        )

    async def aim(self, theirs: sdp.Description, section: sdp.Section) -> None:
        """Take whom to connect to from their description."""
        if not (section.ufrag and section.password and section.fingerprints):
            raise BadInput(
                "the description says neither where to connect nor how to check who is there"
            )
        self._theirs = section
        connection = self.connection
        connection.ice_controlling = self._offering or theirs.lite
        connection.remote_is_lite = theirs.lite
        connection.remote_username, connection.remote_password = section.ufrag, section.password
        if not self.handshaken:
            self._dtls._set_role("client" if section.setup == "passive" else "server")
        for found in section.candidates:
            await self.trickle(str(found))
        if section.complete or (section.candidates and not theirs.trickle):
            await self.trickle("")

    async def trickle(self, line: str) -> None:
        """
        Take a candidate that came later; an empty one says that it was the last.

        Who names none at all has no network just now, and is found once there is one.
        """
        if self.closed or not (line or self.connection.remote_candidates):
            return
        found = sdp.candidate(line) if line else None
        usable = ice.to_aioice(found) if found else None
        if usable or not line:
            with suppress(ValueError):  # after the last one
                await self.connection.add_remote_candidate(usable)

    async def connect(self, within: float = CONNECTING) -> None:
        """
        Find a way, and agree on keys if there are none yet.

        Raises `NoRoute`, `NoRelay` or `NoKeys` when that fails or takes too many seconds.
        """
        if self._theirs is None or self.closed:
            raise Unreachable("there is nobody to connect to")
        connection, theirs, found = self.connection, self._theirs, False
        try:
            async with asyncio.timeout(within):
                await connection.connect()
                found = True
                if connection is self._next:
                    await self._switch(connection)
                if not self.handshaken:
                    await self._handshake(theirs)
        except (TimeoutError, ConnectionError) as error:
            raise _keyless() if found else _lost(connection) from error
        aio.heed()  # the handshake may have lost it
        if not self.handshaken or self.closed:
            raise _keyless()

    async def close(self) -> None:
        """End the connection and free everything; always completes, and may be called twice."""
        if self.closed:
            return
        self.closed = True
        self._on_lost = None
        if self.link:
            self.link.close()
        pump = self._dtls._task
        self._dtls.remove_all_listeners()
        connections = [one for one in (self._ice._connection, self._next) if one]
        try:
            with suppress(TimeoutError, ConnectionError, OSError):
                async with asyncio.timeout(CLOSING):
                    await self._dtls.stop()
                    if pump is not None:
                        await asyncio.wait([pump])
                    await asyncio.sleep(0)
                    for connection in connections:
                        await connection.close()
        finally:
            for connection in connections:
                _abandon(connection)
            self.link = None

    def _new(self) -> Connection:
        return Connection(
            ice_controlling=self._offering, **ice.arguments(self._media.ice_servers())
        )

    async def _switch(self, connection: Connection) -> None:
        """Use the next connection from now on."""
        before, self._ice._connection, self._next = self._ice._connection, connection, None
        if self.link is not None:
            self.link.follow(connection)
        await before.close()

    async def _handshake(self, theirs: sdp.Section) -> None:
        async with self._media.handshakes:
            prints = [RTCDtlsFingerprint(*found) for found in theirs.fingerprints]
            await self._dtls.start(RTCDtlsParameters(prints))
        if not self.handshaken or self.closed:
            return
        self.link = Link(
            self._dtls,
            self._media.reader,
            on_media=self._on_media,
            on_control=self._on_control,
            kept=self._kept,
            patient=self._patient,
        )
        self._dtls.on("statechange", self._changed)

    def _changed(self) -> None:
        if self._dtls.state in ("closed", "failed") and self._on_lost is not None:
            told, self._on_lost = self._on_lost, None
            self._loop.call_soon(told, self._dtls.state)


def _keyless() -> NoKeys:
    return NoKeys("the handshake failed")


def _lost(connection: Connection) -> NoRoute:
    relayed = any(ours.type == "relay" for ours in connection.local_candidates)
    return (NoRoute if relayed else NoRelay)("no address of the other side answers")


def _abandon(connection: Any) -> None:
    """Let go of sockets that a goodbye could not be sent through."""
    if connection._query_consent_task is not None:
        connection._query_consent_task.cancel()
    for protocol in connection._protocols:
        protocol.transport.close()
        # A relay that is gone is told goodbye for a minute.
        if goodbye := getattr(protocol.transport, "_TurnTransport__close_task", None):
            goodbye.cancel()
