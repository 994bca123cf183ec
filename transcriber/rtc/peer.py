"""
One connection for sound: to Janus, a browser, a gateway, another Python program.

The other side offers and we answer, or we offer; the way is a `Path`'s work. A peer is used once.
When its way is lost it says so, once, and is closed by its owner, who makes another one; what
belongs to the old one cannot disturb it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from transcriber.rtc import formats, rtcp, sdp
from transcriber.rtc.buffer import Buffer
from transcriber.rtc.link import Link
from transcriber.rtc.media import Media
from transcriber.rtc.path import CONNECTING, Path, Unreachable
from transcriber.rtc.receiver import Receiver
from transcriber.rtc.sender import Sender
from transcriber.rtc.stream import OnBlock

__all__ = ["Ears", "Peer", "Unreachable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """What becomes of the audio that a peer sends; see `Receiver`."""

    on_block: OnBlock | None = None
    on_key: Callable[[str], None] | None = None
    gate: int | None = None


LATE = 64_000
"""Bytes the kernel keeps for each peer while we are busy, as it counts them: 75 packets, a second
and a half of audio, or twice as many small ones. A machine may stand still for a second. More would
be heard many seconds late, and connectivity checks behind it would be answered too late."""


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
        self.path = Path(
            media,
            on_media=self._heard,
            on_control=self._control,
            on_lost=on_lost,
            kept=LATE,
            patient=True,
        )
        self._media = media
        self._ears = ears
        self._theirs: sdp.Description | None = None
        self._agreed = formats.Agreed()
        self._session = secrets.randbits(48)

    @property
    def link(self) -> Link | None:
        """What carries media, once connected."""
        return self.path.link

    async def answer(self, offer: str) -> str:
        """
        Answer an offer, or a later one over the same connection.

        Raises `BadInput` if it is none or has no audio we understand, and `Unreachable` if a later
        one asks for another connection: then this peer is closed and another one answers.
        """
        theirs = sdp.parse(offer)
        audio, before = theirs.audio, self._theirs
        if before is not None and before.audio.ufrag != audio.ufrag:
            raise Unreachable("the other side wants a new connection")
        self._agreed = self._agree(theirs)
        await self.path.gather()
        if before is None:
            await self.path.aim(theirs, audio)
        else:
            self._use_formats()
        self._theirs = theirs
        setup = "active" if audio.setup == "passive" else "passive"
        return sdp.answer(theirs, self._ours(), formats.section(self._agreed, setup))

    async def offer(self) -> str:
        """Offer to speak, to hear, or both."""
        self.path.offering()
        await self.path.gather()
        wanted = formats.wish(hear=self._ears is not None, speak=self.sender is not None)
        return sdp.offer(self._ours(), replace(wanted, mid="0", setup="actpass"))

    async def accept(self, answer: str) -> None:
        """Take the answer to our offer; raises `BadInput` if it is none."""
        theirs = sdp.parse(answer)
        self._agreed = self._agree(theirs)
        await self.path.aim(theirs, theirs.audio)
        self._theirs = theirs

    async def trickle(self, line: str) -> None:
        """Take a candidate that came later; an empty one says that it was the last."""
        await self.path.trickle(line)

    async def connect(self, within: float = CONNECTING) -> None:
        """Find a way and agree on keys; raises an `Unreachable` that says which of it failed."""
        await self.path.connect(within)
        self._use_formats()
        self._media.register(self)

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
        self._media.forget(self)
        if self.sender:
            self.sender.close()
        if self.receiver:
            self.receiver.close()
        await self.path.close()

    def _agree(self, theirs: sdp.Description) -> formats.Agreed:
        hear, speak = self._ears is not None, self.sender is not None
        return formats.agree(theirs.audio, hear=hear, speak=speak)

    @property
    def _name(self) -> str:
        return f"transcriber-{self._session:x}"

    def _ours(self) -> sdp.Ours:
        source = self.sender.source if self.sender else 0
        return replace(self.path.ours(self._session), source=source, name=self._name)

    def _use_formats(self) -> None:
        """Hear and speak as agreed; a later agreement changes what payload types mean."""
        agreed = self._agreed
        if self._ears is not None and agreed.hear and self.receiver is None and self.link:
            self.receiver = Receiver(
                agreed.formats,
                self._ears.on_block,
                gate=self._ears.gate,
                on_key=self._ears.on_key,
                waiting=self._media.reader.waiting,
                ready=self._media.reader.ready,
            )
        if self.receiver is not None:
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
