"""
The transcripts that are kept, and what they look like as files.

A transcript is a record and a stream of the journal: what was said is only ever added. Who is to be
left out of it afterwards is left out by writing another stream and then naming that one, so that a
transcript is whole at every moment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from transcriber.captions.transcript import Format, Transcript, writer
from transcriber.errors import TranscriberError
from transcriber.events import Speech, SpeechFinal
from transcriber.ids import new_id
from transcriber.store import Entry, Record, Store

__all__ = ["Archive", "Kept", "Missing", "Said"]

KIND = "transcript"
PAGE = 500


class Missing(TranscriberError):
    """There is no such transcript."""

    code = "no_transcript"


@dataclass(frozen=True, slots=True)
class Kept:
    """One transcript; times are Unix times, `alive` is when it was last known to go on."""

    id: str
    room: str
    started: float
    title: str = ""
    by: str = ""
    """Whose consent it is."""
    ended: float | None = None
    alive: float = 0.0
    lines: int = 0
    delivered: bool = False
    turn: int = 0
    """How often it was written anew."""

    @property
    def stream(self) -> str:
        """Where its lines are."""
        return f"transcript/{self.id}/{self.turn}"


@dataclass(frozen=True, slots=True)
class Said:
    """One line: who said it, outside of the call, and how long after the beginning to count."""

    event: SpeechFinal
    account: str
    offset_ms: int = 0

    def entry(self, stream: str) -> Entry:
        """What is kept of it."""
        said = self.event.data.model_dump(mode="json", exclude_defaults=True)
        value = {"said": said, "account": self.account, "offset_ms": self.offset_ms}
        return Entry(stream, self.event.id, value)


class Archive:
    """Everything that is kept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, room: str, *, title: str, by: str, now: float) -> Kept:
        """Begin a transcript."""
        kept = Kept(new_id("trn"), room, now, title, by, alive=now)
        return await self.save(kept)

    async def save(self, kept: Kept) -> Kept:
        """Keep what is known of a transcript now."""
        value = asdict(kept)
        await self._store.put(KIND, value.pop("id"), value)
        return kept

    async def add(self, kept: Kept, said: Iterable[Said]) -> None:
        """Add lines; on disk when it returns. Adding one again does no harm."""
        await self._store.append(*(one.entry(kept.stream) for one in said))

    async def leave_out(self, kept: Kept, accounts: frozenset[str]) -> Kept:
        """Write a transcript anew, without what some people said."""
        anew, lines = replace(kept, turn=kept.turn + 1), 0
        async for entry in self._entries(kept):
            if entry.value["account"] not in accounts:
                await self._store.append(replace(entry, stream=anew.stream))
                lines += 1
        anew = await self.save(replace(anew, lines=lines))
        await self._store.drop(kept.stream)
        return anew

    async def get(self, id_: str) -> Kept:
        """Return a transcript; raises `Missing`."""
        record = await self._store.get(KIND, id_)
        if record is None:
            raise Missing(f"there is no transcript {id_}")
        return _kept(record)

    async def page(self, *, after: str = "", limit: int = PAGE, room: str = "") -> list[Kept]:
        """Return transcripts, of one room or all, by id, from the one after `after` on."""
        found: list[Kept] = []
        while len(found) < limit:
            records = await self._store.records(KIND, after=after, limit=PAGE)
            found += [kept for kept in map(_kept, records) if not room or kept.room == room]
            if len(records) < PAGE:
                break
            after = records[-1].key
        return found[:limit]

    async def delete(self, kept: Kept) -> None:
        """Forget a transcript."""
        await self._store.drop(kept.stream)
        await self._store.forget(KIND, kept.id)

    async def text(self, kept: Kept, form: Format) -> AsyncIterator[str]:
        """Write a transcript in a format, piece by piece."""
        write = writer(form, speakers=True, source=kept.title or kept.room)
        order = Transcript()
        yield write.head()
        async for entry in self._entries(kept):
            for speech in order.add(_speech(entry.value)):
                yield write.cue(speech)
        for speech in order.rest():
            yield write.cue(speech)
        yield write.tail()

    async def _entries(self, kept: Kept) -> AsyncIterator[Entry]:
        after = ""
        while page := await self._store.read(kept.stream, after=after, limit=PAGE):
            for entry in page:
                yield entry
            after = page[-1].id


def _kept(record: Record) -> Kept:
    return Kept(id=record.key, **record.value)


def _speech(value: Mapping[str, Any]) -> Speech:
    """Return a line with its times counted from the beginning of the transcript."""
    speech, offset = Speech.model_validate(value["said"]), int(value["offset_ms"])

    def moved(words: Iterable[Any]) -> tuple[Any, ...]:
        times = ({"start_ms": w.start_ms + offset, "end_ms": w.end_ms + offset} for w in words)
        return tuple(w.model_copy(update=time) for w, time in zip(words, times, strict=True))

    return speech.model_copy(
        update={
            "start_ms": speech.start_ms + offset,
            "end_ms": speech.end_ms + offset,
            "words": moved(speech.words),
            "segments": moved(speech.segments),
        }
    )
