"""A call that follows a script."""

from collections.abc import Awaitable, Callable, Collection

from transcriber.audio.block import Block
from transcriber.call import Caption, Listener


class FakeCall:
    room = "abc"

    def __init__(self, script: Callable[[Listener], Awaitable[None]]) -> None:
        self.captions: list[tuple[Caption, frozenset[str]]] = []
        self._script = script

    async def run(self, listener: Listener) -> None:
        await self._script(listener)

    async def show(self, caption: Caption, readers: Collection[str]) -> None:
        self.captions.append((caption, frozenset(readers)))

    def play(self, block: Block) -> None: ...

    def hang_up(self) -> None: ...
