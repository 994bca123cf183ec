"""
A translator that nobody has to wait for, and that is not asked more than it can do.

Every translation has a deadline, a few are made at the same time, and a translator that refuses,
fails or is late again and again is left alone for a while: until then everybody learns at once that
there is no translation, and can show what was said instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from transcriber import aio
from transcriber.engines.mt.base import Translator
from transcriber.errors import EngineError
from transcriber.telemetry import METRICS

__all__ = ["Careful"]

ABREAST = 8
"""Translations that are made at the same time."""
FORGIVEN = 2
"""Failures in a row that change nothing."""
PAUSE = (5.0, 300.0)
"""Seconds that a translator is left alone: the first time, and at most."""
REFRESH = 900.0
"""Seconds between two looks at which languages there are."""

log = structlog.get_logger(__name__)


class Careful:
    """Asks one translator; `run` keeps `targets` true."""

    def __init__(
        self, translator: Translator, *, patience: float = 10.0, offered: Sequence[str] = ()
    ) -> None:
        """`offered` are the only languages to offer; none stands for all."""
        self.targets: tuple[str, ...] = ()
        """What it translates into, as far as is known."""
        self._translator = translator
        self._patience = patience
        self._offered = frozenset(offered)
        self._abreast = asyncio.Semaphore(ABREAST)
        self._clock = asyncio.get_running_loop().time
        self._failures = 0
        self._until = 0.0

    async def run(self) -> None:
        """Find out which languages there are, again and again, until cancelled."""
        waits = aio.backoff(limit=PAUSE[1])
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    found = await self._translator.targets()
            except (EngineError, TimeoutError) as problem:
                log.warning("translator is not there", problem=str(problem) or "no answer")
                self.targets = () if getattr(problem, "kind", "") == "unusable" else self.targets
                await asyncio.sleep(next(waits))
                continue
            self.targets = tuple(c for c in found if not self._offered or c in self._offered)
            waits = aio.backoff(limit=PAUSE[1])
            await asyncio.sleep(REFRESH)

    async def translate(self, text: str, *, source: str, target: str) -> str:
        """Translate within our patience; raises `EngineError`, at once while there is a pause."""
        if self._clock() < self._until:
            METRICS.translations.labels("paused").inc()
            raise EngineError("busy", "the translator is left alone for a while")
        try:
            async with asyncio.timeout(self._patience), self._abreast:
                translated = await self._translator.translate(text, source=source, target=target)
        except TimeoutError:
            raise self._failed(EngineError("timeout", "no translation in time")) from None
        except EngineError as problem:
            raise self._failed(problem) from None
        self._failures = 0
        METRICS.translations.labels("done").inc()
        return translated

    def _failed(self, problem: EngineError) -> EngineError:
        """Count a failure, and leave the translator alone if there were enough."""
        METRICS.translations.labels(problem.kind).inc()
        now = self._clock()
        if problem.kind == "bad_request" or now < self._until:
            return problem  # this text's or these languages' fault; or told already
        self._failures += 1
        if problem.retryable and problem.kind != "busy" and self._failures <= FORGIVEN:
            return problem
        first, most = PAUSE
        grown = min(first * 2 ** max(0, self._failures - FORGIVEN - 1), most)
        pause = problem.retry_after or (grown if problem.retryable else most)
        self._until = now + pause
        log.warning("translator is left alone", kind=problem.kind, seconds=round(pause))
        return problem
