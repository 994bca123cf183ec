"""
One participant: who they are, what they send and get, and how long they stay.

`run` is their stay, and owns all tasks of it. Whoever speaks with them (a WebSocket, a WHIP
resource) calls the other methods, one at a time. When that way is cut they stay for a while, so
that they can come back as the same participant with the same subscriptions.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any

from transcriber.errors import NotAllowed
from transcriber.ids import new_id
from transcriber.rtc.media import Media
from transcriber.rtc.sfu.quality import GOOD, Quality
from transcriber.rtc.sfu.receiving import Receiving
from transcriber.rtc.sfu.room import Grant, Message, Room, describe
from transcriber.rtc.sfu.sending import Sending
from transcriber.rtc.sfu.track import Track

__all__ = ["Participant"]

AWAY = 45.0
"""Seconds that somebody whose connection was cut has to come back."""

Tell = Callable[[Message], None]


def nowhere(message: Message) -> None:
    """Nobody is there to be told."""


class Participant:
    """Somebody in a room."""

    def __init__(
        self,
        room: Room,
        media: Media,
        *,
        identity: str,
        name: str,
        grants: Collection[Grant],
        language: str = "",
    ) -> None:
        self.id = new_id("par")
        self.resume = secrets.token_urlsafe(24)
        self.room, self.identity, self.name = room, identity, name
        self.language = language or room.plan.language
        self.grants: Collection[Grant] = frozenset(grants)
        self.sending, self.receiving = Sending(self, media), Receiving(self, media)
        self._quality = Quality()
        self._tell: Tell = nowhere
        self._tasks: asyncio.TaskGroup | None = None
        self._away: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def tracks(self) -> Mapping[str, Track]:
        """What they send, by the tracks' ids."""
        return self.sending.tracks

    async def run(self) -> None:
        """Be in the room until they leave or are sent away; they are let in already."""
        reason = "closed"
        try:
            async with asyncio.TaskGroup() as self._tasks:
                offering = self._tasks.create_task(self.receiving.run())
                reason = await self._over
                offering.cancel()
                self.sending.stop()
                self.receiving.stop()
        finally:
            self._tasks = None
            self.room.leave(self, reason)
            self.tell({"type": "closed", "reason": reason})
            await self.sending.close()
            await self.receiving.close()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        """Do something meanwhile; nothing is begun once they have left."""
        if self._tasks is None or self._over.done():
            work.close()
            return None
        return self._tasks.create_task(work)

    def reach(self, tell: Tell) -> None:
        """Somebody speaks with them from now on, through `tell`."""
        if self._away is not None:
            self._away.cancel()
            self._away = None
        self._replace(tell)
        self._reached(True)
        self.receiving.repeat()

    def cut(self, tell: Tell) -> None:
        """The way that `tell` is, is gone; unless there is another they have a while."""
        if self._tell == tell:  # methods are the same without being one object
            self._tell = nowhere
            self._reached(False)
            if not self._over.done():
                loop = asyncio.get_running_loop()
                self._away = loop.call_later(AWAY, self.leave, "lost")

    def is_resumed_by(self, secret: str) -> bool:
        """Whether somebody who knows this may go on as them."""
        return hmac.compare_digest(secret.encode(), self.resume.encode())

    async def fresh(self) -> None:
        """They come back without their connections: begin those anew, and `reach` them then."""
        self._replace(nowhere)
        await self.sending.forget()
        await self.receiving.forget()

    def leave(self, reason: str) -> None:
        """Let them go; `run` returns."""
        if self._away is not None:
            self._away.cancel()
        if not self._over.done():
            self._over.set_result(reason)

    def tell(self, message: Message) -> None:
        """Send them a message, soon; to whoever takes no part only that it is over."""
        if self._takes_part or message["type"] == "closed":
            self._tell(message)

    def ready(self) -> Message:
        """Return what they learn first."""
        scores = self.room.scores
        others = [
            describe(one) | {"quality": scores.get(one.id, GOOD)}
            for one in self.room.members.values()
            if one is not self and self._takes_part
        ]
        return {
            "type": "ready",
            "participant_id": self.id,
            "identity": self.identity,
            "resume": self.resume,
            "grants": sorted(self.grants),
            "participants": others,
        }

    def need(self, grant: Grant) -> None:
        """Raise `NotAllowed` without a grant."""
        if grant not in self.grants:
            raise NotAllowed(f"this token does not grant {grant}")

    def mute(self, track_id: str, muted: bool) -> None:
        """Show that something of theirs is muted; of others only who may, and only muted."""
        member, track = self.room.track(track_id)
        if member is not self:
            self.need("admin")
            if not muted:
                raise NotAllowed("only they themselves can be heard again")
        self.room.mute(member, track, muted)

    def say(self, data: Any, to: Collection[str] | None) -> None:
        """Pass a message on to all others, or to some, if they take part."""
        if not self._takes_part:
            raise NotAllowed("this token grants nothing but join")
        message = {"type": "data", "from": self.id, "data": data}
        if to is None:
            self.room.tell(message, but=self)
            return
        for member in [self.room.find(one) for one in to]:
            member.tell(message)

    def remove(self, participant_id: str) -> None:
        """Send somebody away."""
        self.need("admin")
        self.room.find(participant_id).leave("removed")

    def look(self, now: float) -> None:
        """See to it that what they get fits through their way, and tell how good that is."""
        adaptation = self.receiving.adaptation
        adaptation.look(now)
        if self._tell is nowhere:
            return
        if self._quality.look((adaptation.lost, self.sending.lost()), adaptation.cut, now):
            self.room.rate(self, self._quality.score)

    def follow(self) -> None:
        """What they can get has changed."""
        self.receiving.follow()

    @property
    def _takes_part(self) -> bool:
        """Whether they may do more than be there; nobody else learns who is."""
        return any(grant != "join" for grant in self.grants)

    def _replace(self, tell: Tell) -> None:
        before, self._tell = self._tell, tell
        before({"type": "closed", "reason": "replaced"})

    def _reached(self, reached: bool) -> None:
        if self._quality.reach(reached):
            self.room.rate(self, self._quality.score)
