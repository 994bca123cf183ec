"""
One participant: two connections, and what they asked for.

`run` is their stay, and owns all tasks of it. Whoever speaks with them (a WebSocket, a WHIP
resource) calls the other methods, one at a time. When that way is cut they stay for a while, so
that they can come back as the same participant with the same subscriptions.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any, Literal

import structlog

from transcriber.errors import BadInput, NotAllowed
from transcriber.ids import new_id
from transcriber.rtc.media import Media
from transcriber.rtc.path import Path, Unreachable
from transcriber.rtc.sfu.publisher import Publisher
from transcriber.rtc.sfu.room import Grant, Message, Room, describe
from transcriber.rtc.sfu.subscriber import TOP, Subscriber
from transcriber.rtc.sfu.track import LAYERS, Track

__all__ = ["Participant"]

AWAY = 45.0
"""Seconds that somebody whose connection was cut has to come back."""
ANSWERING = 20.0
"""Seconds an offer of ours may stay without an answer before the next one is sent anyway."""
TRACKS = 8
"""Sounds and pictures one participant may send."""

Tell = Callable[[Message], None]
Peer = Literal["publish", "subscribe"]
log = structlog.get_logger(__name__)


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
        self.grants = frozenset(grants)
        self._media = media
        self._tell: Tell = nowhere
        self._publisher = Publisher(media, self.id, on_key=self._pressed, on_lost=self._lost)
        self._subscriber = Subscriber(media, on_lost=self._cut)
        self._unwanted: set[str] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._connecting: dict[Peer, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._answered = asyncio.Event()
        self._restart = False
        self._settled = True
        self._away: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._publishing, self._receiving = asyncio.Lock(), asyncio.Lock()
        self._log = log.bind(room=room.id, participant=self.id)

    @property
    def tracks(self) -> Mapping[str, Track]:
        """What they send, by the tracks' ids."""
        return {track.id: track for track in self._publisher.tracks.values()}

    async def run(self) -> None:
        """Be in the room until they leave or are sent away; they are let in already."""
        reason = "closed"
        try:
            async with asyncio.TaskGroup() as self._tasks:
                offering = self._tasks.create_task(self._offer())
                reason = await self._over
                offering.cancel()
                self._stop_connecting()
        finally:
            self._tasks = None
            self.room.leave(self, reason)
            self.tell({"type": "closed", "reason": reason})
            await self._publisher.close()
            await self._subscriber.close()

    def reach(self, tell: Tell) -> None:
        """Somebody speaks with them from now on, through `tell`."""
        if self._away is not None:
            self._away.cancel()
            self._away = None
        before, self._tell = self._tell, tell
        before({"type": "closed", "reason": "replaced"})
        self._answered.set()
        self.follow()

    def cut(self, tell: Tell) -> None:
        """The way that `tell` is, is gone; unless there is another they have a while."""
        if self._tell == tell:  # methods are the same without being one object
            self._tell = nowhere
            if not self._over.done():
                loop = asyncio.get_running_loop()
                self._away = loop.call_later(AWAY, self.leave, "lost")

    def is_resumed_by(self, secret: str) -> bool:
        """Whether somebody who knows this may go on as them."""
        return hmac.compare_digest(secret.encode(), self.resume.encode())

    def leave(self, reason: str) -> None:
        """Let them go; `run` returns."""
        if self._away is not None:
            self._away.cancel()
        if not self._over.done():
            self._over.set_result(reason)

    def tell(self, message: Message) -> None:
        """Send them a message, soon."""
        self._tell(message)

    def ready(self) -> Message:
        """Return what they learn first."""
        others = [one for one in self.room.members.values() if one is not self]
        return {
            "type": "ready",
            "participant_id": self.id,
            "identity": self.identity,
            "resume": self.resume,
            "grants": sorted(self.grants),
            "participants": [describe(one) for one in others],
        }

    async def publish(self, offer: str, sources: Mapping[str, str]) -> Message:
        """Answer an offer to send what each section shows; see `Publisher.answer`."""
        self._need("publish")
        if len(sources) > TRACKS:
            raise BadInput(f"{len(sources)} tracks", remedy=f"send at most {TRACKS}")
        self.room.may_publish(self)
        async with self._publishing:
            change, anew = await self._publisher.answer(offer, sources)
            if anew:
                self._connect("publish", self._publisher)
        self.room.unpublish(self, change.gone)
        self.room.publish(self, change.new)
        tracks = [
            {"mid": mid, "track_id": track.id} for mid, track in self._publisher.tracks.items()
        ]
        return {"type": "published", "sdp": change.sdp, "tracks": tracks}

    async def answer(self, answer: str, revision: int) -> None:
        """Take an answer to our offer; one to an older offer means nothing any more."""
        async with self._receiving:
            if revision != self._subscriber.revision or self._subscriber.path is None:
                return
            if await self._subscriber.accept(answer):
                self._connect("subscribe", self._subscriber)
        self._settled = True
        self._answered.set()

    async def candidate(self, peer: Peer, line: str) -> None:
        """Take a candidate; an empty one says that it was the last."""
        await (self._publisher if peer == "publish" else self._subscriber).trickle(line)

    def restart(self) -> None:
        """Offer another way to what they get."""
        self._restart = True
        self.follow()

    async def fresh(self) -> None:
        """They come back without their connections: begin those anew."""
        self._stop_connecting()
        async with self._publishing:
            gone = await self._publisher.close()
        self.room.unpublish(self, gone)
        async with self._receiving:
            await self._subscriber.close()
        self._settled = True
        self._answered.set()
        self.follow()

    def want(self, track_id: str, wanted: bool) -> None:
        """Get something that is sent, or get it no more."""
        self._need("subscribe")
        self.room.track(track_id)
        (self._unwanted.discard if wanted else self._unwanted.add)(track_id)
        self.follow()

    def layer(self, track_id: str, layer: str) -> None:
        """Want a picture in at most a size."""
        self.room.track(track_id)
        self._subscriber.limit(track_id, LAYERS.index(layer) if layer in LAYERS else TOP)

    def pause(self, track_id: str, paused: bool) -> None:
        """Want nothing of a track for a while, or go on."""
        self.room.track(track_id)
        self._subscriber.pause(track_id, paused)

    def look(self, now: float) -> None:
        """See to it that what they get fits through their way."""
        self._subscriber.look(now)

    def mute(self, track_id: str, muted: bool) -> None:
        """Show that something of theirs is muted; of others only who may, and only muted."""
        member, track = self.room.track(track_id)
        if member is not self:
            self._need("admin")
            if not muted:
                raise NotAllowed("only they themselves can be heard again")
        self.room.mute(member, track, muted)

    def say(self, data: Any, to: Collection[str] | None) -> None:
        """Pass a message on to all others, or to some."""
        message = {"type": "data", "from": self.id, "data": data}
        if to is None:
            self.room.tell(message, but=self)
            return
        for member in [self.room.find(one) for one in to]:
            member.tell(message)

    def remove(self, participant_id: str) -> None:
        """Send somebody away."""
        self._need("admin")
        self.room.find(participant_id).leave("removed")

    def follow(self) -> None:
        """What they can get has changed."""
        self._changed.set()

    def _need(self, grant: Grant) -> None:
        if grant not in self.grants:
            raise NotAllowed(f"this token does not grant {grant}")

    @property
    def _wanted(self) -> dict[str, Track]:
        if "subscribe" not in self.grants:
            return {}
        return {
            id_: track
            for id_, track in self.room.tracks.items()
            if track.owner != self.id and id_ not in self._unwanted
        }

    async def _offer(self) -> None:
        """Offer what they can get, each time that changes; never before the last answer."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            wanted, restart = self._wanted, self._restart
            same = wanted.keys() == self._subscriber.legs.keys()
            if self._settled and same and not restart:
                continue
            self._restart = self._settled = False
            self._answered.clear()
            try:
                async with self._receiving:
                    offer = await self._subscriber.offer(wanted, restart=restart)
            except Unreachable as error:
                self._log.warning("no offer", problem=str(error))
                continue
            self.tell({"type": "offer", **asdict(offer)})
            try:
                async with asyncio.timeout(ANSWERING):
                    await self._answered.wait()
            except TimeoutError:
                self._log.info("offer not answered", revision=offer.revision)

    def _connect(self, peer: Peer, connection: Publisher | Subscriber) -> None:
        if before := self._connecting.pop(peer, None):
            before.cancel()
        if self._tasks is not None and not self._over.done():
            task = self._tasks.create_task(self._try(peer, connection))
            self._connecting[peer] = task

    async def _try(self, peer: Peer, connection: Publisher | Subscriber) -> None:
        try:
            await connection.connect()
        except Unreachable as error:
            self._log.info("not connected", peer=peer, problem=str(error))
            self.tell({"type": "error", "code": error.code, "message": str(error), "for": peer})

    def _stop_connecting(self) -> None:
        for task in self._connecting.values():
            task.cancel()
        self._connecting.clear()

    def _pressed(self, key: str) -> None:
        self.room.pressed(self, key)

    def _lost(self, path: Path) -> None:
        """Nothing comes from them any more: what they sent is gone."""
        self._log.info("publisher lost")
        if self._tasks is not None and not self._over.done():
            self._tasks.create_task(self._unpublish(path))

    async def _unpublish(self, lost: Path) -> None:
        async with self._publishing:
            if self._publisher.path is lost:
                self.room.unpublish(self, await self._publisher.close())

    def _cut(self, path: Path) -> None:
        """Nothing reaches them any more: offer it all anew."""
        self._log.info("subscriber lost")
        if self._tasks is not None and not self._over.done():
            self._tasks.create_task(self._resubscribe(path))

    async def _resubscribe(self, lost: Path) -> None:
        async with self._receiving:
            if self._subscriber.path is lost:
                await self._subscriber.close()
        self.follow()
