"""A place in a call that lasts until somebody hangs up, or breaks on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from tests.fakes.call import Mute
from transcriber.call import Caption, Listener
from transcriber.session.wishes import Wish

__all__ = ["Place", "Places"]


class Place(Mute):
    """One of them; `here` says whether we are in it."""

    def __init__(self, room: str, wish: Callable[[], Wish], problem: Exception | None) -> None:
        self.room = room
        self.wish = wish
        self.here = False
        self.shown: list[str] = []
        self.listener: Listener | None = None
        self.over = asyncio.Event()
        self._problem = problem

    async def run(self, listener: Listener) -> None:
        if self._problem:
            raise self._problem
        self.listener, self.here = listener, True
        await self.over.wait()
        await asyncio.sleep(1)
        self.here = False

    async def show(self, caption: Caption, readers: Collection[str]) -> None:
        self.shown.append(caption.text)

    def hang_up(self) -> None:
        self.over.set()


class Places:
    """The places we were in, and the problems we will have."""

    def __init__(self, *problems: Exception) -> None:
        self.made: list[Place] = []
        self.problems = list(problems)

    def connect(self, room: str, wish: Callable[[], Wish]) -> Place:
        self.made.append(Place(room, wish, self.problems.pop(0) if self.problems else None))
        return self.made[-1]

    @property
    def rooms(self) -> list[str]:
        return [place.room for place in self.made if place.here]
