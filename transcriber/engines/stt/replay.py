"""
What has been said, sent and told in one stream that outlives its engine's streams.

An engine's stream may end at any time, in the middle of a word. Three records make the next one
take its place without anybody noticing: the `Tape` keeps the audio whose words have not come
yet, the `Timeline` turns the times of an engine's stream, which count from its own first block,
into the times of ours, and `Told` leaves out what was told before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import replace

from transcriber.audio.block import SECONDS, Block
from transcriber.engines.stt.base import (
    Final,
    Heard,
    Partial,
    SpeechStarted,
    TurnEnded,
    Word,
)

__all__ = ["Tape", "Timeline", "Told"]

PIECES = 64
"""Gaps of one stream whose times stay exact; only a hopelessly slow engine makes more."""


class Tape:
    """
    The newest blocks, from the first that may be needed again; the oldest goes when it is full.

    Blocks are numbered from the first ever pushed. A block that goes before any engine had it is
    counted in `dropped`.
    """

    def __init__(self, limit: int) -> None:
        self.dropped = 0
        self.first = 0
        self.next = 0
        """The block that an engine gets next."""
        self._blocks: deque[Block] = deque(maxlen=limit)
        self._flushes: deque[int] = deque()
        self._flushed: deque[int] = deque()

    @property
    def end(self) -> int:
        """How many blocks were ever pushed."""
        return self.first + len(self._blocks)

    @property
    def full(self) -> bool:
        """Whether the next block pushes out one that no engine had."""
        return len(self._blocks) == self._blocks.maxlen and self.next == self.first

    @property
    def waiting(self) -> bool:
        """Whether there is anything for an engine."""
        return self.next < self.end or bool(self._flushes)

    def push(self, block: Block) -> None:
        """Add a block."""
        if len(self._blocks) == self._blocks.maxlen:
            self.dropped += self.full
            self.first += 1
            self.next = max(self.next, self.first)
        self._blocks.append(block)
        while len(self._flushes) > 1 and self._flushes[1] <= self.first:
            self._flushes.popleft()

    def flush(self) -> None:
        """Remember that the utterance ends here."""
        if not self._flushes or self._flushes[-1] != self.end:
            self._flushes.append(self.end)

    def take(self) -> Block | None:
        """Give the next block to an engine; None is a flush."""
        if self._flushes and self._flushes[0] <= self.next:
            self._flushed.append(self._flushes.popleft())
            return None
        self.next += 1
        return self._blocks[self.next - 1 - self.first]

    def rewind(self) -> None:
        """Let the next engine hear everything that is still here, and be flushed where it was."""
        self._flushes.extendleft(reversed([at for at in self._flushed if at > self.first]))
        self._flushed.clear()
        self.next = self.first

    def forget(self, index: int) -> None:
        """Nothing before this block will be needed again."""
        for _ in range(min(index, self.next) - self.first):
            self._blocks.popleft()
            self.first += 1
        while self._flushed and self._flushed[0] <= self.first:
            self._flushed.popleft()


class Timeline:
    """Which of our blocks an engine's stream heard, and so what its times mean."""

    def __init__(self) -> None:
        self._count = 0
        self._starts: deque[float] = deque([0.0], PIECES)
        self._shifts: deque[float] = deque([0.0], PIECES)

    def sent(self, index: int) -> None:
        """Our block of this number was the engine's next one."""
        shift = (index - self._count) * SECONDS
        if shift != self._shifts[-1]:
            self._starts.append(self._count * SECONDS)
            self._shifts.append(shift)
        self._count += 1

    def ours(self, at: float) -> float:
        """Turn a time of the engine's stream into one of ours."""
        piece = max(0, bisect_right(self._starts, at) - 1)
        return round(at + self._shifts[piece], 3)

    def translate(self, heard: Heard) -> Heard:
        """Say the same in our times."""
        if self._shifts[-1] == 0:
            return heard
        if isinstance(heard, Partial | Final):
            words = tuple(
                replace(word, start=self.ours(word.start), end=self.ours(word.end))
                for word in heard.words
            )
            start, end = self.ours(heard.start), self.ours(heard.end)
            return replace(heard, start=start, end=end, words=words)
        return replace(heard, at=self.ours(heard.at))


class Told:
    """What our listener knows; times never go back."""

    def __init__(self) -> None:
        self.until = 0.0
        """End of the last final: what was said before is settled."""
        self.open = False
        """Whether an utterance was begun whose final has not come."""
        self._turn = -1.0
        self._again = False

    def replayed(self) -> None:
        """From here on, what comes may be known already."""
        self._again = True

    def take(self, heard: Heard) -> Heard | None:
        """Return what is new in it, if anything is."""
        match heard:
            case SpeechStarted():
                if self.open:
                    return None
                self.open = True
                return replace(heard, at=max(heard.at, self.until))
            case Partial() | Final():
                return self._words(heard)
            case TurnEnded():
                if heard.at <= self._turn:
                    return None
                self._turn = heard.at
        return heard

    def _words(self, heard: Partial | Final) -> Partial | Final | None:
        new = self._new(heard) if self._again else heard
        if new is None:
            return None
        start = max(new.start, self.until)
        if start != new.start:
            new = replace(new, start=start, end=max(start, new.end))
        self.open = isinstance(new, Partial)
        if isinstance(new, Final):
            self.until, self._again = new.end, False
        return new

    def _new(self, heard: Partial | Final) -> Partial | Final | None:
        """Leave out what was said before the end of the last final."""
        if _middle(heard) < self.until:
            return None
        words = tuple(word for word in heard.words if _middle(word) >= self.until)
        if len(words) == len(heard.words):
            return heard
        return replace(heard, text=" ".join(word.text for word in words), words=words)


def _middle(said: Word | Partial | Final) -> float:
    return (said.start + said.end) / 2
