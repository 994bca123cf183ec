"""
Everybody whom we listen to in one call.

A recogniser that fails is started again for the speaker it failed, unless it says that this cannot
help; the others do not notice. Who finds no seat waits for one.
"""

from __future__ import annotations

import asyncio

import structlog

from transcriber import aio
from transcriber.audio.block import Block
from transcriber.bus.memory import Bus
from transcriber.engines.stt.base import Interrupted, StreamOptions, Stt
from transcriber.errors import Overloaded, TranscriberError
from transcriber.events import ErrorHappened, Failure
from transcriber.session.limits import Seats
from transcriber.session.speaker import Place, Speaker

__all__ = ["Speakers"]

log = structlog.get_logger(__name__)


class Speakers:
    """Listens to each of them in a task of the group, until their last words."""

    def __init__(self, stt: Stt, bus: Bus, seats: Seats, tasks: asyncio.TaskGroup) -> None:
        self._stt, self._bus, self._seats, self._tasks = stt, bus, seats, tasks
        self._speakers: dict[str, Speaker] = {}
        self._attending: set[asyncio.Task[None]] = set()

    def listen(self, place: Place, options: StreamOptions) -> None:
        """Listen to somebody."""
        speaker = Speaker(
            place, stt=self._stt, options=options, tell=self._bus.publish, warn=self._warn
        )
        self._speakers[place.person.id] = speaker
        task = self._tasks.create_task(self._attend(speaker), name=f"speaker {place.person.id}")
        self._attending.add(task)
        task.add_done_callback(self._attending.discard)

    def hear(self, person_id: str, block: Block) -> None:
        """Pass on audio."""
        if speaker := self._speakers.get(person_id):
            speaker.hear(block)

    async def ready(self) -> None:
        """Wait until everybody can be heard without losing any audio."""
        for speaker in tuple(self._speakers.values()):
            await speaker.ready()

    def leave(self, person_id: str) -> None:
        """Stop listening to somebody, after their last words."""
        if speaker := self._speakers.pop(person_id, None):
            speaker.close()

    def leave_all(self) -> None:
        """Stop listening to anybody."""
        for person_id in tuple(self._speakers):
            self.leave(person_id)

    async def last_words(self) -> None:
        """Wait until the last words were published of all that are not listened to any more."""
        if self._attending:
            await asyncio.wait(self._attending)

    async def _attend(self, speaker: Speaker) -> None:
        if not self._seats.take():
            full = f"{self._seats.most} people are heard already"
            self._failed(speaker, Overloaded(full, remedy="wait"))
            if not await self._seats.wait(speaker.over):
                return
        try:
            await self._keep_listening(speaker)
        finally:
            self._seats.leave()

    async def _keep_listening(self, speaker: Speaker) -> None:
        def failed(error: Exception) -> bool:
            self._failed(speaker, error)
            return getattr(error, "retryable", True)

        try:
            await aio.supervise(speaker.run, failed=failed, over=speaker.over)
        except Exception:  # noqa: BLE001 - was reported; one speaker must not end the session
            speaker.close()

    def _failed(self, speaker: Speaker, error: Exception) -> None:
        place, known = speaker.place, isinstance(error, TranscriberError)
        log.error(
            "speaker failed",
            room=place.room,
            session=place.session_id,
            person=place.person.id,
            problem=str(error),
            exc_info=None if known else error,
        )
        code = error.code if isinstance(error, TranscriberError) else "error"
        self._tell(place, code, str(error))

    def _warn(self, place: Place, problem: Interrupted) -> None:
        self._tell(place, problem.code, problem.problem)

    def _tell(self, place: Place, code: str, message: str) -> None:
        failure = Failure(room=place.room, person_id=place.person.id, code=code, message=message)
        self._bus.publish(ErrorHappened(session_id=place.session_id, data=failure))
