"""
One client's audio on its way into a slot, and the slot's words on their way out.

Two threads meet here. The event loop appends audio and markers; the step thread takes one frame
at a time and makes messages. Each side writes only its own counters, and a deque is safe between
one that appends and one that pops, so nothing is locked but the batcher's list of who has a frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modal_app.protocol import FRAME, RATE, End, Flushed, Message, Samples, Step
from modal_app.speech import Decode, Rules, Speech

__all__ = ["Stream"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A flush: silence from frame `begin` to `end`, of which `seconds` are not the client's."""

    begin: int
    end: int
    seconds: float
    id: int
    last: bool


class Stream:
    """
    One client's slot. `feed`, `flush`, `finish` and `abort` are the event loop's, the rest the
    step thread's.
    """

    def __init__(
        self,
        slot: int,
        *,
        rules: Rules,
        decode: Decode,
        now: float,
        waiting: Callable[[Stream], None],
        steps: bool = False,
    ) -> None:
        self.slot = slot
        self.opened_at = now
        self.fed_at = now
        self.fresh = True
        """Whether the slot still holds what its last client said."""
        self.listed = False
        """Whether the batcher has it among those with a frame."""
        self.reason = ""
        """Why it is to end at once; empty while it is not."""
        self._speech = Speech(rules, decode)
        self._rules = rules
        self._steps = steps
        self._waiting = waiting
        self._chunks: deque[Samples] = deque([np.zeros(rules.lead * FRAME, np.float32)])
        self._marks: deque[Mark] = deque()
        self._queued = rules.lead * FRAME
        self._taken = 0
        self._finished = False

    @property
    def backlog(self) -> int:
        """Samples that wait."""
        return self._queued - self._taken

    @property
    def backlog_seconds(self) -> float:
        """The same in seconds."""
        return self.backlog / RATE

    @property
    def busy(self) -> bool:
        """Whether a frame waits."""
        return self.backlog >= FRAME

    def feed(self, samples: Samples, now: float) -> None:
        """Add audio; what comes after `finish` is ignored."""
        if samples.size and not self._finished:
            self.fed_at = now
            self._append(samples)

    def flush(self, marker: int) -> None:
        """Ask for everything so far at once: silence pushes the delayed text out."""
        if not self._finished:
            self._push_silence(marker, last=False)

    def finish(self) -> None:
        """Ask for everything so far, then the end. May be called again."""
        if not self._finished:
            self._finished = True
            self._push_silence(0, last=True)

    def abort(self, reason: str) -> None:
        """End at once, whatever waits."""
        self.reason = self.reason or reason
        self._waiting(self)

    def take(self) -> Samples:
        """Take one frame off the queue; there must be one."""
        parts, missing = [], FRAME
        while missing:
            head = self._chunks[0]
            parts.append(head[:missing])
            if head.size <= missing:
                self._chunks.popleft()
            else:
                self._chunks[0] = head[missing:]
            missing -= parts[-1].size
        self._taken += FRAME
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def heard(self, token: int, scores: Sequence[float]) -> list[Message]:
        """Say what one frame brought; the last message is an `End` when the stream is over."""
        speech = self._speech
        flushing = bool(self._marks) and speech.frames >= self._marks[0].begin
        said = speech.push(token, scores, flushing=flushing)
        if self._steps and speech.frames > self._rules.lead:
            said.append(Step(speech.frames - self._rules.lead, tuple(scores), self.backlog))
        while self._marks and self._marks[0].end <= speech.frames:
            said += self._passed(self._marks.popleft())
        return said

    def end(self, reason: str) -> list[Message]:
        """Give the last messages of a stream that ends for this reason, and drop its audio."""
        self._chunks.clear()
        said = self._speech.close_word()
        return [*said, End(reason, self._rest())]

    def _passed(self, mark: Mark) -> list[Message]:
        said = self._speech.close_word()
        self._speech.inserted += mark.seconds
        if mark.last:
            return [*said, *self.end("ended")]
        return [*said, Flushed(mark.id, self._rest())]

    def _rest(self) -> str:
        return " ".join(word.text for word in self._speech.take())

    def _append(self, samples: Samples) -> None:
        self._chunks.append(samples)
        self._queued += samples.size
        if not self.listed and self._queued - self._taken >= FRAME:
            self._waiting(self)

    def _push_silence(self, marker: int, *, last: bool) -> None:
        """Fill the frame that is open, then add as much silence as the text lags behind."""
        silence = -self._queued % FRAME + self._rules.tail * FRAME
        end = (self._queued + silence) // FRAME
        begin = end - self._rules.tail
        self._marks.append(Mark(begin, end, silence / RATE, marker, last))
        self._append(np.zeros(silence, np.float32))
