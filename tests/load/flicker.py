"""
What readers see of captions that are still being said, and how much of it changes.

`python -m tests.load.accuracy` counts it for a recogniser, and for the token streams of Kyutai
that are recorded in `tests/wire/kyutai`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.peers.speech import errors, plain
from tests.wire.kyutai import Played, Recording
from transcriber.audio.block import silence
from transcriber.captions.readable import readable
from transcriber.engines.stt.base import Final, Heard, Partial, StreamOptions, Stt
from transcriber.engines.stt.resume import Resuming

__all__ = ["Seen", "changes", "flicker", "look", "tokens"]

NEAR = 0.3
"""Seconds between a pause and the end of a final that it explains; others are cut in speech."""
TURNS = 3
"""Times that everybody may do something between two blocks."""


@dataclass(slots=True)
class Seen:
    """What a reader saw of one clip."""

    pauses: Sequence[float] = ()
    texts: list[str] = field(default_factory=list)
    partials_ms: list[float] = field(default_factory=list)
    finals_ms: list[float] = field(default_factory=list)
    changed: int = 0
    changed_exact: int = 0
    words: int = 0


def look(seen: Seen, heard: Heard, now: float, shown: str) -> str:
    """Note what a reader sees; returns what is on the screen of the open utterance."""
    if not isinstance(heard, Partial | Final):
        return shown
    seen.changed += changes(plain(shown), plain(heard.text))
    seen.changed_exact += changes(shown.split(), heard.text.split())
    if isinstance(heard, Partial):
        seen.partials_ms.append(1000 * (now - heard.end))
        return heard.text
    seen.texts.append(heard.text)
    seen.words += len(plain(heard.text))
    stopped = min(seen.pauses, key=lambda at: abs(at - heard.end), default=now)
    if abs(stopped - heard.end) <= NEAR:
        seen.finals_ms.append(1000 * (now - stopped))
    return ""


def changes(before: Sequence[str], after: Sequence[str]) -> int:
    """How many words had to change that were shown; what is only added does not count."""
    return min((errors(before, after[:size]) for size in range(len(after) + 1)), default=0)


def flicker(seen: Sequence[Seen], *, exact: bool = False) -> float:
    """Shown words that changed, for each final word."""
    changed = sum(one.changed_exact if exact else one.changed for one in seen)
    return changed / sum(one.words for one in seen)


async def tokens(recorded: Recording, *, captions: bool = True) -> Seen:
    """What is seen of a recorded token stream, and of its breaks, at as many blocks a turn."""
    carried: Stt = Resuming(Played(recorded))
    seen, shown = Seen(), ""
    async with (readable(carried) if captions else carried).open(StreamOptions()) as stream:

        async def play() -> None:
            for _ in range(recorded.blocks):
                stream.push(silence())
                for _ in range(TURNS):
                    await asyncio.sleep(0)
            stream.close()

        async with asyncio.TaskGroup() as group:
            group.create_task(play())
            async for heard in stream:
                shown = look(seen, heard, 0.0, shown)
    return seen
