"""
What one subscriber gets of a scalable picture, and the numbers under which.

Whoever gets fewer rungs sees numbers without gaps, so what is left out moves all later numbers.
Packets that come late, or are wanted again, keep the number that was theirs; under one number
only ever the same packet is sent.
"""

from __future__ import annotations

from transcriber.rtc import rtp
from transcriber.rtc.sfu.packet import Packet
from transcriber.rtc.sfu.scalable import ANY, Part

__all__ = ["BURST", "Thinning"]

MEMORY = 512
"""Packets that may come late or be wanted again."""
BURST = 32
"""Missing packets asked for at once; more than that is repaired by a keyframe."""
LEFT_OUT = -1
NOTHING = Part(ANY + 1, begins=False)
"""What is no part of a picture, as packets are that only fill up a way."""


class Thinning:
    """Chooses the packets of one subscriber."""

    __slots__ = ("_moved", "_newest", "_sent", "_shown", "left_out", "rung")

    def __init__(self) -> None:
        self.rung = -1
        """What they get; nothing at first."""
        self.left_out = 0
        self._shown = self._newest = -1
        self._moved = [0] * MEMORY
        """By how much each number is moved."""
        self._sent: list[Packet | None] = [None] * MEMORY

    def take(self, packet: Packet, target: int) -> Packet | None:
        """Return a packet under its number, if it is for them; `target` is the rung they want."""
        sequence, part = packet.sequence, packet.part or NOTHING
        ahead = rtp.signed16(sequence - self._newest) if self._newest >= 0 else 1
        if ahead <= -MEMORY:
            return None
        if ahead > 0:
            if packet.timestamp != self._shown and part.begins:
                self._shown = packet.timestamp
                self._step(part, target)
            self._advance(sequence, ahead, part.rung <= self.rung)
        moved = self._moved[sequence % MEMORY]
        if part.rung > self.rung or moved == LEFT_OUT:
            return None
        number = (sequence - moved) & 0xFFFF
        if before := self.find(number):
            return before
        last = part.ends and part.rung == self.rung
        sent = packet._replace(sequence=number, marker=0x80 if last else packet.marker)
        self._sent[number % MEMORY] = sent
        return sent

    def find(self, number: int) -> Packet | None:
        """Return what was sent under a number."""
        sent = self._sent[number % MEMORY]
        return sent if sent is not None and sent.sequence == number else None

    def _step(self, part: Part, target: int) -> None:
        """Go down between two pictures, and up where one may."""
        self.rung = min(self.rung, target)
        most = min(part.lifts, target)
        if part.needs <= self.rung < most:
            self.rung = most

    def _advance(self, sequence: int, ahead: int, wanted: bool) -> None:
        """
        Remember by how much numbers are moved, also of those that have not come.

        So many that nobody asks for them again leave a gap of one, as most may not be for them.
        """
        between = self.left_out
        if ahead > BURST + 1:
            between, self.left_out = LEFT_OUT, self.left_out + ahead - 2
        for step in range(1, min(ahead, MEMORY)):
            self._moved[(sequence - step) % MEMORY] = between
        self._moved[sequence % MEMORY] = self.left_out if wanted else LEFT_OUT
        self.left_out += not wanted
        self._newest = sequence
