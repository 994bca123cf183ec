"""
Our place in one call of Nextcloud Talk.

One connection to the signaling server for each room. What it tells goes to the roster, which says
whom we hear; each of them has a subscription with a task of its own, so that one speaker's trouble
is nobody else's. A cut is survived twice over: within half a minute the server still knows us, and
streams and subscriptions go on as if nothing had happened; later everything is learnt and asked for
anew, under the same readers, who need not know.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from functools import partial

import structlog

from hpb import (
    Answer,
    Candidate,
    Client,
    Event,
    Failed,
    HpbError,
    InCallAll,
    Internal,
    Joined,
    Offer,
    Offline,
    Refused,
    Removed,
    Request,
    Signaling,
    requests,
)
from transcriber import aio
from transcriber.audio.block import Block, Samples
from transcriber.call import Caption, Listener
from transcriber.connectors.talk.letters import Letters
from transcriber.connectors.talk.mouth import Mouth
from transcriber.connectors.talk.roster import Change, Roster
from transcriber.connectors.talk.subscription import Subscription, Unheard
from transcriber.errors import TranscriberError
from transcriber.events import Failure
from transcriber.rtc import Media, Peer

__all__ = ["Encrypted", "Server", "Talk", "TalkCall", "Unconnected", "Unwelcome"]

HANDSHAKES = 12
"""Connections that are made at the same time; more of them only make each other late."""
EMPTY = 60.0
"""Seconds without any person in the call, or any reader in the room, after which it is over for us.
People reload their pages; a signaling server that restarts knows of nobody until somebody moves."""

AWAY = 10.0
"""Seconds without the signaling server after which somebody should know."""

log = structlog.get_logger(__name__)


class Unconnected(TranscriberError):
    """The signaling server is not reached; raised after many minutes of trying."""

    code = "signaling_lost"
    retryable = False


class Unwelcome(TranscriberError):
    """The signaling server does not let us in, and will not before something is changed."""

    code = "signaling_refused"
    retryable = False


class Encrypted(TranscriberError):
    """The call is encrypted from end to end: we would hear noise, and must not caption it."""

    code = "call_encrypted"
    retryable = False


async def in_clear() -> bool:
    """Whether calls are encrypted, where nobody encrypts them."""
    return False


@dataclass(frozen=True, slots=True)
class Server:
    """The signaling server, what it knows us by, and the Nextcloud it works for."""

    url: str
    backend: str
    secret: str = field(repr=False)
    tls: ssl.SSLContext | bool = True


class Talk:
    """
    What all calls share; `connect` makes our place in one of them.

    `tell` learns of what somebody should know, and why; `encrypted` says whether calls are
    encrypted from end to end.
    """

    def __init__(
        self,
        server: Server,
        media: Media,
        *,
        tell: Callable[[Failure], object] = bool,
        encrypted: Callable[[], Awaitable[bool]] = in_clear,
    ) -> None:
        self.server = server
        self.media = media
        self.tell = tell
        self.encrypted = encrypted
        self.handshakes = asyncio.Semaphore(HANDSHAKES)

    def connect(self, room: str, awaited: Callable[[], Collection[str]] = tuple) -> TalkCall:
        """
        Make our place in a room; nothing happens before it is run.

        `awaited` tells of whom somebody has to be in the room for us to stay there, by their
        Nextcloud sessions; nobody: we stay as long as the call does.
        """
        return TalkCall(room, self, awaited)

    def client(self, room: str) -> Client:
        """Make a connection for a room."""
        server = self.server
        who = Internal(server.backend, server.secret)
        return Client(server.url, Signaling(room, who), tls=server.tls)


class Absence:
    """Has it told, once, when the signaling server stays away."""

    def __init__(self, room: str, talk: Talk) -> None:
        self._room = room
        self._talk = talk
        self._clock = asyncio.get_running_loop().time
        self._alarm: float | None = None
        """When it will have been away for too long; nothing while it is there."""

    def watch(self, event: Event) -> None:
        """Take note of what is known of the connection."""
        if isinstance(event, Joined):
            self._alarm = None
        elif isinstance(event, Offline):
            now = self._clock()
            self._alarm = now + AWAY if self._alarm is None else self._alarm
            if now + event.pause >= self._alarm:
                self._alarm = math.inf
                why = _unconnected(event.reason)
                log.warning("signaling server away", room=self._room, problem=str(why))
                self._talk.tell(Failure(room=self._room, code=why.code, message=str(why)))


class TalkCall:
    """One room; a `Call`, to be run once."""

    def __init__(self, room: str, talk: Talk, awaited: Callable[[], Collection[str]]) -> None:
        self.room = room
        self._talk = talk
        self._awaited = awaited
        self._roster = Roster()
        self._letters = Letters()
        self._mouth = Mouth(partial(Peer, talk.media))
        self._sending = asyncio.Lock()
        self._over = asyncio.Event()
        self._hpb: Client | None = None
        self._absence = Absence(room, talk)
        self._subscriptions: dict[str, Subscription] = {}
        self._hearing: dict[str, asyncio.Task[None]] = {}
        self._clock = asyncio.get_running_loop().time
        self._log = log.bind(room=room)

    async def run(self, listener: Listener) -> None:
        """
        Stay until the call ends, is empty or unread for a while, or we hang up.

        Raises `Encrypted` when there is nothing to be heard, `Unwelcome` when the server refuses
        us for a reason that stays, and `Unconnected` when it could not be reached for long.
        """
        problems: list[HpbError | Encrypted] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                conversing = tasks.create_task(self._converse(listener, tasks))
                watching = tasks.create_task(self._leave_when_empty())
                asking = tasks.create_task(self._demand_voices())
                await self._over.wait()
                for task in (conversing, watching, asking, *self._hearing.values()):
                    if not task.cancelling():  # twice would disturb a goodbye
                        task.cancel()
        except* (HpbError, Encrypted) as group:
            problems += [one for one in group.exceptions if isinstance(one, HpbError | Encrypted)]
        finally:
            self._hpb = None
            if self._letters.lost:
                self._log.warning("captions not delivered", count=self._letters.lost)
        for problem in problems:
            raise problem if isinstance(problem, Encrypted) else _explained(problem)

    async def show(self, caption: Caption, readers: Collection[str]) -> None:
        """
        Display a caption to readers, who are named by their Nextcloud sessions.

        Who cannot be reached now gets it when he can: finals wait a minute. Who has left the
        room, into the lobby for instance, does not.
        """
        roster, who_speaks = self._roster, self._roster.nextcloud(caption.person_id)
        here = [one for one in readers if one != who_speaks and not roster.gone(one)]
        self._letters.add(caption, here, self._clock())
        await self._deliver()

    def play(self, samples: Samples) -> None:
        """Say something to everybody; raises `Overloaded` when minutes of it wait."""
        self._mouth.play(samples)

    def mark(self, reached: Callable[[bool], None]) -> None:
        """Tell when everything so far has gone out."""
        self._mouth.mark(reached)

    def stop(self) -> None:
        """Be silent at once."""
        self._mouth.stop()

    def hang_up(self) -> None:
        """Leave; `run` returns."""
        self._over.set()

    async def _converse(self, listener: Listener, tasks: asyncio.TaskGroup) -> None:
        async with (
            self._talk.client(self.room) as self._hpb,
            aio.alongside(self._mouth.run(self._hpb)),
        ):
            async for event in self._hpb:
                self._absence.watch(event)
                change = self._roster.take(event)
                self._tell(listener, change)
                self._subscribe(listener, tasks)
                await self._follow(event)
                await self._deliver()

    async def _demand_voices(self) -> None:
        """Refuse to stay where voices are encrypted; it is asked while we join."""
        if await self._talk.encrypted():
            raise Encrypted(
                f"the call in {self.room} is encrypted from end to end: nobody else can hear it",
                remedy="switch off end-to-end encryption of calls in Talk's administration "
                "settings to have captions",
            )

    def _tell(self, listener: Listener, change: Change) -> None:
        for person_id in change.left:
            listener.left(person_id)
        for person in change.joined:
            listener.joined(person)

    def _subscribe(self, listener: Listener, tasks: asyncio.TaskGroup) -> None:
        """Have a subscription for each of those who are to be heard, and for nobody else."""
        wanted = self._roster.speakers
        for source in self._subscriptions.keys() - wanted.keys():
            del self._subscriptions[source]
            self._hearing[source].cancel()
        for source in wanted.keys() - self._subscriptions.keys():
            self._subscriptions[source] = one = self._subscription(listener, source)
            before = self._hearing.get(source)
            self._hearing[source] = task = tasks.create_task(one.run(before), name=f"hear {source}")
            task.add_done_callback(partial(self._ended, source))

    def _ended(self, source: str, task: asyncio.Task[None]) -> None:
        if self._hearing.get(source) is task:
            del self._hearing[source]

    def _subscription(self, listener: Listener, source: str) -> Subscription:
        def hear(block: Block) -> None:
            if person := self._roster.speakers.get(source):
                listener.heard(person.id, block)

        def trouble(why: Unheard) -> None:
            person = self._roster.speakers.get(source)
            self._log.warning("speaker cannot be heard", problem=str(why))
            failure = {"room": self.room, "person_id": person.id if person else source}
            self._talk.tell(Failure(**failure, code=why.code, message=str(why)))

        assert self._hpb
        return Subscription(
            source,
            hpb=self._hpb,
            dial=partial(Peer, self._talk.media),
            handshakes=self._talk.handshakes,
            on_block=hear,
            on_trouble=trouble,
        )

    async def _follow(self, event: Event) -> None:
        match event:
            case Offer(sender=source) if one := self._subscriptions.get(source):
                one.offered(event)
            case Candidate(sender=source) if one := self._subscriptions.get(source):
                await one.candidate(event)
            case Answer():
                self._mouth.answered(event)
            case Candidate():
                await self._mouth.candidate(event)
            case Joined(resumed=False):
                self._mouth.lose("the server knows us no more")
            case Failed(request=Request(recipient=source) as request):
                self._mouth.failed(event)
                self._failed(event, request, self._subscriptions.get(source))
            case Removed() | InCallAll(flags=0):
                self._log.info("call is over", why=type(event).__name__)
                self._over.set()

    def _failed(self, failed: Failed, request: Request, about: Subscription | None) -> None:
        self._log.info("request failed", code=failed.code, topic=request.topic)
        if about and request.topic != "transcript":
            about.failed(failed)
        elif failed.code == "session_lost" and request.topic == "transcript":
            self._put_back(request)

    def _put_back(self, request: Request) -> None:
        """A caption was not sent before our session was lost: its reader shall have it anyway."""
        said, reader = request.body["data"], self._roster.nextcloud(request.recipient)
        if reader and said["final"]:
            caption = Caption(said["speakerSessionId"], said["message"], said["langId"], final=True)
            self._letters.put_back(caption, reader, self._clock())

    async def _leave_when_empty(self) -> None:
        since = self._clock()
        while self._clock() < since + EMPTY:
            await asyncio.sleep(1)
            here = self._hpb and self._hpb.joined  # nobody can be seen from elsewhere
            if not here or (not self._roster.empty and self._read):
                since = self._clock()
        self._log.info("call is over", why="empty" if self._roster.empty else "nobody reads it")
        self._over.set()

    @property
    def _read(self) -> bool:
        """Whether those who are awaited are there, or one of them; nobody tells us when they go."""
        awaited = self._awaited()
        return not awaited or any(map(self._roster.session, awaited))

    async def _deliver(self) -> None:
        """Send what waits to whoever can be reached; one at a time, to keep the order."""
        async with self._sending:
            hpb = self._hpb
            while hpb and hpb.joined:
                letter = self._letters.take(self._roster.session, self._clock())
                if letter is None:
                    return
                try:
                    await hpb.send(requests.to_session(letter[0], self._message(letter[1])))
                except HpbError as problem:
                    self._log.warning("caption not sent", problem=type(problem).__name__)

    def _message(self, caption: Caption) -> dict[str, object]:
        return requests.caption(
            caption.text,
            language=caption.language,
            speaker=self._roster.current(caption.person_id),
            final=caption.final,
        )


def _explained(problem: HpbError) -> Unwelcome | Unconnected:
    """Say what ended a stay, and what may be done about it."""
    if not isinstance(problem, Refused):
        return _unconnected(str(problem))
    return Unwelcome(
        f"the signaling server refuses us: {problem}",
        remedy="check LT_HPB_URL, LT_INTERNAL_SECRET and the Nextcloud that the server works for",
    )


def _unconnected(why: str) -> Unconnected:
    return Unconnected(
        f"Talk's signaling server is not reached: {why}",
        remedy="check LT_HPB_URL, the way there, and TLS_AUTHORITIES where its certificate is one "
        "of your own",
    )
