"""
Captions for those who want to read another language than is spoken.

Whoever reads as it is spoken gets every caption at once. The others get sentences, translated, and
each speaker's in the order they were said: a translation that is ready too early waits for the one
before it, and where none comes, what was said is shown as it was said. So nothing is lost, and
nobody waits longer than the translator's patience.

What was translated once in a call is not translated again; all of it is forgotten with the call.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

import structlog

from transcriber.call import Caption
from transcriber.captions.languages import same_language
from transcriber.errors import EngineError

__all__ = ["Interpreter", "Translates"]

WAITING = 30
"""Sentences of one speaker that wait for their translation; then the oldest is shown as it is."""
REMEMBERED = 500
"""Translations that a call remembers."""

Show = Callable[[Caption, Collection[str]], Awaitable[None]]
Targets = Callable[[], Mapping[str, str]]
log = structlog.get_logger(__name__)


class Translates(Protocol):
    """Translates within its own patience, or raises `EngineError`."""

    async def translate(self, text: str, *, source: str, target: str) -> str:
        """Translate."""


@dataclass(slots=True)
class _Sentence:
    """Something said, on its way to those who want it in one language."""

    caption: Caption
    readers: frozenset[str]
    ready: asyncio.Event
    translating: asyncio.Task[None] | None = None

    def give_up(self) -> None:
        """Show it as it was said."""
        if self.translating:
            self.translating.cancel()
        self.ready.set()


class Interpreter:
    """
    Shows one call's captions by `show`, each to those who want it as it is then.

    `targets` tells who reads, and in which language; nothing stands for the one that is spoken,
    which everybody reads when there is no translator.
    """

    def __init__(self, show: Show, targets: Targets, translator: Translates | None) -> None:
        self._show = show
        self._targets = targets
        self._translator = translator
        self._waiting: dict[tuple[str, str], deque[_Sentence]] = {}
        self._known: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        self._tasks: asyncio.TaskGroup | None = None
        self._idle = asyncio.Event()

    async def run(self) -> None:
        """Translate until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            await asyncio.Event().wait()

    async def show(self, caption: Caption, readers: Collection[str]) -> None:
        """Show a caption to some readers, to each in the language of their choice."""
        targets, wanted = self._targets(), dict[str, list[str]]()
        for reader in readers:
            wanted.setdefault(targets.get(reader, ""), []).append(reader)
        for target, those in wanted.items():
            if not target or not self._translator:
                await self._show(caption, those)
            elif caption.final:
                self._translate(caption, frozenset(those), target)
            elif self._comprehensible(caption, target):
                await self._show(caption, those)

    async def shown(self) -> None:
        """Wait until everything that was said is shown."""
        while self._waiting:
            self._idle.clear()
            await self._idle.wait()

    def _comprehensible(self, caption: Caption, target: str) -> bool:
        """Whether an interim caption needs no translation, and nothing is to be shown before it."""
        same = same_language(caption.language, target)
        return same and (caption.person_id, target) not in self._waiting

    def _translate(self, caption: Caption, readers: frozenset[str], target: str) -> None:
        assert self._tasks
        sentence = _Sentence(caption, readers, asyncio.Event())
        if same_language(caption.language, target):
            sentence.ready.set()
        else:
            sentence.translating = self._tasks.create_task(self._understand(sentence, target))
        lane, waiting = (caption.person_id, target), self._waiting
        if lane in waiting:
            waiting[lane].append(sentence)
            self._hurry(waiting[lane])
        else:
            waiting[lane] = deque([sentence])
            self._tasks.create_task(self._deliver(lane))

    def _hurry(self, sentences: deque[_Sentence]) -> None:
        """Show the oldest as they were said, when too many wait."""
        for sentence in islice(sentences, max(0, len(sentences) - WAITING)):
            sentence.give_up()

    async def _understand(self, sentence: _Sentence, target: str) -> None:
        """Translate a sentence, if that can be done."""
        said = sentence.caption
        key = (said.language, target, said.text)
        try:
            if key not in self._known:
                assert self._translator
                self._known[key] = await self._translator.translate(
                    said.text, source=said.language, target=target
                )
                if len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
            sentence.caption = replace(said, text=self._known[key], language=target)
        except EngineError as problem:
            log.info("caption not translated", kind=problem.kind, target=target)
        finally:
            sentence.ready.set()

    async def _deliver(self, lane: tuple[str, str]) -> None:
        """Show one speaker's sentences in one language, in order, as long as there are any."""
        sentences = self._waiting[lane]
        while sentences:
            await sentences[0].ready.wait()
            sentence = sentences.popleft()
            still = sentence.readers & self._targets().keys()
            if still:
                await self._show(sentence.caption, still)
        del self._waiting[lane]
        if not self._waiting:
            self._idle.set()
