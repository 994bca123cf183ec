"""
One connection to another side: a browser, Janus, our own rooms, another Python program.

The other side offers and we answer, or we offer. ICE and DTLS are aiortc's; from the moment they
are done, media goes its own way (`link`). We answer as DTLS server, because as client a third of
the subscriptions behind Janus took a second longer. Everything that waits has a deadline.

A peer is used once. When its way is lost it says so, once, and is closed by its owner, who makes
another one; what belongs to the old one cannot disturb it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import structlog
from aiortc import (
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)

from transcriber.errors import BadInput, TranscriberError
from transcriber.rtc import formats, ice, rtcp, sdp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.link import Link
from transcriber.rtc.media import Media
from transcriber.rtc.receiver import Receiver
from transcriber.rtc.sender import Sender
from transcriber.rtc.stream import OnBlock

__all__ = ["Ears", "Peer", "Unreachable"]

log = structlog.get_logger(__name__)

GATHERING = 6.0
"""Seconds: aioice gives up a STUN or TURN server that does not answer after five."""
CONNECTING = 15.0
"""Seconds for ICE and DTLS together; browsers give up ICE after about as long."""
CLOSING = 2.0
"""Seconds for a goodbye that the network may not want to take."""

Why = Literal["refused", "failed", "closed"]


class Unreachable(TranscriberError):
    """No way to the other side was found, or the handshake failed; trying again may help."""

    code = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """What becomes of the audio that a peer sends; see `Receiver`."""

    on_block: OnBlock | None = None
    on_key: Callable[[str], None] | None = None
    gate: int | None = None


class Peer:
    """
    A connection that hears, speaks, or both.

    Answering: `answer`, then `connect`. Offering: `offer`, `accept`, then `connect`. Candidates may
    come by `trickle` at any time. `on_lost` is called once if the way is lost after that.
    """

    def __init__(
        self,
        media: Media,
        *,
        ears: Ears | None = None,
        mouth: bool = False,
        on_lost: Callable[[str], None] | None = None,
    ) -> None:
        self.sender = Sender(media.pacer, media.out) if mouth else None
        self.receiver: Receiver | None = None
        self.link: Link | None = None
        self._media = media
        self._ears = ears
        self._on_lost = on_lost
        self._gatherer = RTCIceGatherer(ice.checked(media.ice_servers()))
        self._ice = RTCIceTransport(self._gatherer)
        self._dtls = RTCDtlsTransport(self._ice, [media.certificate])
        self._loop = asyncio.get_running_loop()
        self._theirs: sdp.Description | None = None
        self._agreed = formats.Agreed()
        self._session = secrets.randbits(48)
        self._closed = False

    async def answer(self, offer: str) -> str:
        """
        Answer an offer, or a later one over the same connection.

        Raises `BadInput` if it is none or has no audio we understand, and `Unreachable` if a later
        one asks for another connection: then this peer is closed and another one answers.
        """
        theirs = _complete(sdp.parse(offer))
        self._agreed = formats.agree(
            theirs.audio, hear=self._ears is not None, speak=self.sender is not None
        )
        if self._theirs is not None and self._theirs.audio.ufrag != theirs.audio.ufrag:
            raise Unreachable("the other side wants a new connection")
        again, self._theirs = self._theirs is not None, theirs
        await self._gather()
        if again:
            self._use_formats()
        else:
            await self._first_candidates(theirs)
        self._ice._connection.ice_controlling = theirs.lite
        self._dtls._set_role("client" if theirs.audio.setup == "passive" else "server")
        setup = "active" if theirs.audio.setup == "passive" else "passive"
        section = formats.section(self._agreed, setup)
        return sdp.answer(theirs, self._ours(), section)

    async def offer(self) -> str:
        """Offer to speak, to hear, or both."""
        await self._gather()
        self._ice._connection.ice_controlling = True
        wanted = formats.wish(hear=self._ears is not None, speak=self.sender is not None)
        return sdp.offer(self._ours(), replace(wanted, mid="0", setup="actpass"))

    async def accept(self, answer: str) -> None:
        """Take the answer to our offer; raises `BadInput` if it is none."""
        theirs = _complete(sdp.parse(answer))
        hear, speak = self._ears is not None, self.sender is not None
        self._agreed = formats.agree(theirs.audio, hear=hear, speak=speak)
        self._dtls._set_role("client" if theirs.audio.setup == "passive" else "server")
        self._theirs = theirs
        await self._first_candidates(theirs)

    async def trickle(self, line: str) -> None:
        """Take a candidate that came later; an empty one says that it was the last."""
        if self._closed:
            return
        if not line:
            await self._last_candidate()
        elif (found := sdp.candidate(line)) and (usable := ice.to_aiortc(found)):
            with suppress(ValueError):  # after the last one
                await self._ice.addRemoteCandidate(usable)

    async def connect(self) -> None:
        """Find a way and agree on keys; raises `Unreachable`."""
        if self._theirs is None or self._closed:
            raise Unreachable("there is nobody to connect to")
        theirs = self._theirs.audio
        try:
            async with asyncio.timeout(CONNECTING):
                lite = self._theirs.lite
                await self._ice.start(RTCIceParameters(theirs.ufrag, theirs.password, lite))
                if self._ice.state != "completed":
                    raise Unreachable("no address of the other side answers")
                async with self._media.handshakes:
                    prints = [RTCDtlsFingerprint(*found) for found in theirs.fingerprints]
                    await self._dtls.start(RTCDtlsParameters(prints))
        except TimeoutError as error:
            raise Unreachable(f"not connected after {CONNECTING:.0f} seconds") from error
        if self._dtls.state != "connected":
            raise Unreachable("the handshake failed")
        self._connected()

    def report(self, now: float, wall: float) -> None:
        """Tell the other side how it arrives and what we send."""
        if self.link is None:
            return
        ours = self.sender.source if self.sender else 1
        heard = self.receiver.report(now) if self.receiver else None
        said = self.sender.report(wall, now) if self.sender else None
        if heard or said:
            blocks = rtcp.receiver_report(ours, [heard] if heard else [])
            name = rtcp.source_description(ours, self._name)
            self.link.send_control((said or b"") + blocks + name)

    async def close(self) -> None:
        """End the connection and free everything; always completes, and may be called twice."""
        if self._closed:
            return
        self._closed = True
        self._on_lost = None
        self._media.forget(self)
        if self.sender:
            self.sender.close()
        if self.link:
            self.link.close()
        if self.receiver:
            self.receiver.close()
        pump = self._dtls._task
        self._dtls.remove_all_listeners()
        try:
            with suppress(TimeoutError, ConnectionError, OSError):
                async with asyncio.timeout(CLOSING):
                    await self._dtls.stop()
                    if pump is not None:
                        await asyncio.wait([pump])
                    await asyncio.sleep(0)
                    await self._ice.stop()
        finally:
            self._abandon()

    def _abandon(self) -> None:
        """Let go of sockets that a goodbye could not be sent through."""
        connection: Any = self._gatherer._connection
        for protocol in connection._protocols:
            protocol.transport.close()
        self.link = None

    async def _gather(self) -> None:
        try:
            async with asyncio.timeout(GATHERING):
                await self._gatherer.gather()
        except TimeoutError as error:
            raise Unreachable("the STUN and TURN servers do not answer") from error

    async def _first_candidates(self, theirs: sdp.Description) -> None:
        for found in theirs.audio.candidates:
            await self.trickle(str(found))
        if theirs.audio.complete or (theirs.audio.candidates and not theirs.trickle):
            await self._last_candidate()

    async def _last_candidate(self) -> None:
        await self._ice.addRemoteCandidate(None)

    @property
    def _name(self) -> str:
        return f"transcriber-{self._session:x}"

    def _ours(self) -> sdp.Ours:
        own = self._gatherer.getLocalParameters()
        prints = self._dtls.getLocalParameters().fingerprints
        print_ = next(found for found in prints if found.algorithm == "sha-256")
        return sdp.Ours(
            session=self._session,
            ufrag=str(own.usernameFragment),
            password=str(own.password),
            fingerprint=(print_.algorithm, print_.value),
            candidates=tuple(ice.to_sdp(found) for found in self._gatherer.getLocalCandidates()),
            source=self.sender.source if self.sender else 0,
            name=self._name,
        )

    def _connected(self) -> None:
        self.link = Link(
            self._dtls, self._media.reader, on_media=self._heard, on_control=self._control
        )
        self._use_formats()
        self._dtls.on("statechange", self._changed)
        self._media.register(self)

    def _use_formats(self) -> None:
        """Hear and speak as agreed; a later agreement changes what payload types mean."""
        agreed = self._agreed
        if self._ears is not None and agreed.hear:
            if self.receiver is None:
                self.receiver = Receiver(
                    agreed.formats,
                    self._ears.on_block,
                    gate=self._ears.gate,
                    on_key=self._ears.on_key,
                    waiting=self._media.reader.waiting,
                )
            self.receiver.formats = agreed.formats
        if self.sender is not None and self.link is not None and agreed.speak:
            self.sender.open(self.link, payload_type=agreed.opus, level=agreed.formats.level)

    def _heard(self, buffer: Buffer, size: int, now: float) -> None:
        if self.receiver is not None:
            self.receiver.media(buffer, size, now)

    def _control(self, items: list[rtcp.Item], now: float) -> None:
        if self.receiver is not None:
            self.receiver.control(items, now)
        if self.sender is not None:
            self.sender.control(items)

    def _changed(self) -> None:
        if self._dtls.state in ("closed", "failed") and self._on_lost is not None:
            told, self._on_lost = self._on_lost, None
            self._loop.call_soon(told, self._dtls.state)


def _complete(description: sdp.Description) -> sdp.Description:
    audio = description.audio
    if not (audio.ufrag and audio.password and audio.fingerprints):
        raise BadInput(
            "the description says neither where to connect nor how to check who is there"
        )
    return description
