"""A call that follows a script, and a listener that waits for the first sound."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from transcriber.audio.block import Block, Samples
from transcriber.call import Caption, Listener, Person


class Mute:
    """A place in a call where we make no sound."""

    def play(self, samples: Samples) -> None: ...

    def mark(self, reached: Callable[[bool], None]) -> None:
        reached(False)

    def stop(self) -> None: ...


class FakeCall(Mute):
    room = "abc"

    def __init__(self, script: Callable[[Listener], Awaitable[None]]) -> None:
        self.captions: list[tuple[Caption, frozenset[str]]] = []
        self._script = script

    async def run(self, listener: Listener) -> None:
        await self._script(listener)

    async def show(self, caption: Caption, readers: Collection[str]) -> None:
        self.captions.append((caption, frozenset(readers)))

    def hang_up(self) -> None: ...


class FakeListener:
    def __init__(self) -> None:
        self.first = asyncio.Event()

    def joined(self, person: Person) -> None: ...

    def left(self, person_id: str) -> None: ...

    def heard(self, person_id: str, block: Block) -> None:
        self.first.set()

    def pressed(self, person_id: str, digit: str) -> None: ...

    async def ready(self) -> None: ...
