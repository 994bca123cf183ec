"""
What waits to be sent, and what was sent and may still be answered.

The server copies a broadcast to every receiver's queue of 64 and silently drops what does not
fit, so broadcasts are spaced; everything else leaves at once. Order is kept over both. The box is
bounded, and its policy is to refuse: who sends waits for room and decides what to give up.

Requests are numbered, and the server names the number when one fails.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

from hpb.requests import Request

__all__ = ["BURST", "LIMIT", "PACE", "REMEMBERED", "Outbox", "Waiting"]

LIMIT = 1000
"""Messages that may wait; captions of a busy room for about 10 s."""

BURST = 32
"""Broadcasts that may follow each other at once: half of a receiver's queue."""

PACE = 0.01
"""Seconds between broadcasts after that; a tenth of it lost nothing, no pause at all lost half."""

REMEMBERED = 1000
"""Requests whose error can still be matched; the server answers within seconds or not at all."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that has its number and waits to be sent."""

    id: str
    request: Request
    frame: bytes


class Outbox:
    """First in, first out; broadcasts are paced."""

    def __init__(self) -> None:
        self._numbers = 0
        self._waiting: deque[Waiting] = deque()
        self._sent: OrderedDict[str, Request] = OrderedDict()
        self._next = float("-inf")

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether nothing more should be added."""
        return len(self._waiting) >= LIMIT

    def number(self, request: Request) -> Waiting:
        """Give a request its number; raises `TooBig`."""
        self._numbers += 1
        id_ = str(self._numbers)
        return Waiting(id_, request, request.frame(id_))

    def add(self, request: Request) -> str:
        """Let a request wait for its turn; returns its number; raises `TooBig`."""
        message = self.number(request)
        self._waiting.append(message)
        return message.id

    def due(self) -> float:
        """When the first message may be sent; never, if none waits."""
        if not self._waiting:
            return float("inf")
        return self._next if self._waiting[0].request.broadcast else float("-inf")

    def take(self, now: float) -> list[bytes]:
        """Take what may be sent now, and remember what it was."""
        frames: list[bytes] = []
        while self.due() <= now:
            message = self._waiting.popleft()
            if message.request.broadcast:
                # At most a burst of unused turns is saved up.
                self._next = max(self._next, now - BURST * PACE) + PACE
            self._sent[message.id] = message.request
            if len(self._sent) > REMEMBERED:
                self._sent.popitem(last=False)
            frames.append(message.frame)
        return frames

    def recall(self, id_: str) -> Request | None:
        """Return the request that an answer is about, once."""
        return self._sent.pop(id_, None)

    def clear(self) -> list[Waiting]:
        """Give up everything and forget what was sent; returns what was still waiting."""
        given_up = list(self._waiting)
        self._waiting.clear()
        self._sent.clear()
        return given_up
