"""
Captions on their way to readers, each of whom is somebody in Nextcloud.

Whoever asked for captions is named by his Nextcloud session, but reached through the session that
the signaling server gave him, which comes and goes with his connection and with ours. So a caption
is a letter: it waits until its reader can be reached, not for ever, and always in order. An interim
caption is worth nothing later, and less than nothing once a newer one is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import takewhile

from transcriber.call import Caption

__all__ = ["FINAL_KEEPS", "INTERIM_KEEPS", "MOST", "Letter", "Letters"]

FINAL_KEEPS = 60.0
"""Seconds that a final caption waits for its reader: twice as long as the server keeps a session,
because whoever is not known any more has to come in anew."""
INTERIM_KEEPS = 2.0
"""Seconds after which an interim caption has surely been overtaken."""
MOST = 400
"""Letters that wait for one reader; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One caption for one reader, and until when it is worth delivering."""

    reader: str
    caption: Caption
    until: float
    returned: bool = False


class Letters:
    """What waits to be delivered; `lost` counts the finals that were not."""

    def __init__(self) -> None:
        self.lost = 0
        self._boxes: dict[str, deque[Letter]] = {}

    def add(self, caption: Caption, readers: Collection[str], now: float) -> None:
        """Write a letter to each reader; it replaces the speaker's interim ones."""
        until = now + (FINAL_KEEPS if caption.final else INTERIM_KEEPS)
        for reader in readers:
            box = self._boxes.get(reader, deque())
            box = deque(letter for letter in box if not _overtaken(letter, caption))
            box.append(Letter(reader, caption, until))
            if len(box) > MOST:
                self.lost += box.popleft().caption.final
            self._boxes[reader] = box

    def put_back(self, caption: Caption, reader: str, now: float) -> None:
        """Take a final that could not be delivered after all; it goes before what came later."""
        box = self._boxes.setdefault(reader, deque())
        place = sum(1 for _ in takewhile(lambda letter: letter.returned, box))
        box.insert(place, Letter(reader, caption, now + FINAL_KEEPS, returned=True))

    def take(self, reach: Callable[[str], str], now: float) -> tuple[str, Caption] | None:
        """The next letter that can be delivered, and the session it goes to."""
        for reader, box in tuple(self._boxes.items()):
            self._expire(box, now)
            if not box:
                del self._boxes[reader]
            elif session := reach(reader):
                return session, box.popleft().caption
        return None

    def _expire(self, box: deque[Letter], now: float) -> None:
        while box and box[0].until <= now:
            self.lost += box.popleft().caption.final


def _overtaken(letter: Letter, caption: Caption) -> bool:
    old = letter.caption
    return not old.final and old.person_id == caption.person_id
