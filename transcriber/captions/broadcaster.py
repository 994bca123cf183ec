"""
What is said in a session, shown to those who asked.

Finals are shown all, in order. Interim captions are worth only their newest state: while one cannot
be sent, the next of the same speaker takes its place, and none follows another too soon. Where the
readers' side would append interim captions instead of replacing them, only words that are sure are
shown, and each once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

import structlog

from transcriber.aio import Backlog
from transcriber.bus.memory import Bus
from transcriber.call import Caption
from transcriber.captions.languages import language
from transcriber.captions.pieces import Pieces
from transcriber.errors import Overloaded
from transcriber.events import ErrorHappened, Speech, SpeechFinal, SpeechPartial
from transcriber.telemetry import step

__all__ = ["PACE", "Broadcaster", "replaced"]

PACE = 0.3
"""Seconds from one interim caption of a speaker to the next; nobody reads faster."""
LIMIT = 1000
"""Finals that may wait while none can be sent: a busy room for many minutes."""

REFUSED = "[not captioned: too many people are being heard]"
"""What stands in place of words that nobody listened to."""

Show = Callable[[Caption, Collection[str]], Awaitable[None]]


def replaced() -> bool:
    """Say that interim captions are replaced."""
    return True


log = structlog.get_logger(__name__)


class Broadcaster:
    """
    Shows one session's captions by `show` to whoever `readers` names at that moment.

    `replacing` says whether an interim caption is replaced by the next, as newer Talk does; a
    sentence that was begun with words that are sure is ended so.
    """

    def __init__(
        self,
        show: Show,
        readers: Callable[[], Collection[str]],
        *,
        replacing: Callable[[], bool] = replaced,
    ) -> None:
        self._show = show
        self._readers = readers
        self._replacing = replacing
        self._finals: Backlog[Caption] = Backlog(LIMIT)
        self._interim: dict[str, Caption] = {}
        self._due: dict[str, float] = {}
        self._sure: dict[str, Pieces] = {}
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._clock = asyncio.get_running_loop().time

    def subscribe(self, bus: Bus, session_id: str) -> Callable[[], None]:
        """Show what is said in a session from now on; returns how to stop."""

        def partial(event: SpeechPartial) -> None:
            if event.session_id == session_id:
                self.partial(event.data)

        def final(event: SpeechFinal) -> None:
            if event.session_id == session_id:
                self.final(event.data, event.id)

        def failed(event: ErrorHappened) -> None:
            if event.session_id == session_id and event.data.code == Overloaded.code:
                self.refused(event.data.person_id)

        def end() -> None:
            no_partials()
            no_finals()
            no_failures()

        no_partials = bus.subscribe(SpeechPartial, partial)
        no_finals = bus.subscribe(SpeechFinal, final)
        no_failures = bus.subscribe(ErrorHappened, failed)
        return end

    def partial(self, speech: Speech) -> None:
        """Somebody seems to be saying something."""
        if speech.person_id not in self._sure and self._replacing():
            self._interim[speech.person_id] = _caption(speech, speech.transcript, final=False)
            self._news.set()
        else:
            self._append(speech, self._pieces_of(speech).guess(speech.transcript))

    def final(self, speech: Speech, event_id: str = "") -> None:
        """Somebody has said something."""
        self._interim.pop(speech.person_id, None)
        pieces = self._sure.pop(speech.person_id, None)
        text = speech.transcript
        self._append(speech, pieces.finish(text) if pieces else text, event_id)

    def refused(self, person_id: str) -> None:
        """Somebody is not heard, because too many are: readers shall not wait for their words."""
        self._queue(Caption(person_id, REFUSED, "en", final=True))

    async def shown(self) -> None:
        """Wait until all finals are shown."""
        while len(self._finals) or not self._idle.is_set():
            self._idle.clear()
            self._news.set()
            await self._idle.wait()

    async def run(self) -> None:
        """Show captions until cancelled."""
        while True:
            self._news.clear()
            self._idle.clear()
            while caption := self._next():
                began = time.time()
                await self._show(caption, self._readers())
                if caption.event_id:
                    step("shown", caption.event_id, began, time.time() - began)
            self._idle.set()
            await self._until_due()

    def _next(self) -> Caption | None:
        if len(self._finals):
            return self._finals.pop()
        now = self._clock()
        for person in self._interim:
            if self._due.get(person, 0.0) <= now:
                self._due[person] = now + PACE
                return self._interim.pop(person)
        return None

    async def _until_due(self) -> None:
        due = min((self._due[person] for person in self._interim), default=None)
        try:
            async with asyncio.timeout_at(due):
                await self._news.wait()
        except TimeoutError:
            return

    def _append(self, speech: Speech, text: str, event_id: str = "") -> None:
        if not text:
            return
        if self._finals.full:
            log.warning("captions lost", room=speech.room, reason="too many wait")
        self._queue(replace(_caption(speech, text, final=True), event_id=event_id))

    def _queue(self, caption: Caption) -> None:
        self._finals.push(caption)
        self._news.set()

    def _pieces_of(self, speech: Speech) -> Pieces:
        separator = language(speech.language).separator
        return self._sure.setdefault(speech.person_id, Pieces(separator))


def _caption(speech: Speech, text: str, *, final: bool) -> Caption:
    return Caption(speech.person_id, text, speech.language, final, speech.start_ms, speech.end_ms)
