"""Translation by LibreTranslate, or a service that speaks like it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Self

from transcriber.engines.mt.base import TranslationOptions
from transcriber.engines.stt.wire import Http, explained, reading, refusal
from transcriber.errors import EngineError

__all__ = ["Libre"]

ANSWER = 60.0
"""Seconds for an answer, if nobody has less patience."""


class Libre:
    """Knows its own languages; a code such as `pt-BR` is asked for by `pt` if it must be."""

    name = "libretranslate"

    def __init__(self, options: TranslationOptions) -> None:
        self._url = options.url.rstrip("/")
        self._key = options.key.get_secret_value()
        self._pairs: dict[str, tuple[str, ...]] = {}
        self._http = Http()

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._http.__aexit__(*failure)

    async def targets(self) -> Sequence[str]:
        """All languages that something can be translated into."""
        found = await self._ask("GET", "/languages", None)
        with reading():
            self._pairs = {
                str(one["code"]): tuple(map(str, one.get("targets") or ())) for one in found
            }
        every = self._pairs.keys()
        return sorted({target for targets in self._pairs.values() for target in targets or every})

    async def translate(self, text: str, *, source: str, target: str) -> str:
        """Translate one sentence."""
        body = {"q": text, "source": self._known(source), "target": target, "format": "text"}
        answer = await self._ask("POST", "/translate", body | self._proof)
        with reading():
            return str(answer["translatedText"]).strip()

    @property
    def _proof(self) -> dict[str, str]:
        return {"api_key": self._key} if self._key else {}

    def _known(self, code: str) -> str:
        if code in self._pairs:
            return code
        base = code.partition("-")[0]
        if self._pairs and base not in self._pairs:
            raise EngineError("bad_request", f"it does not translate from {code}")
        return base

    async def _ask(self, method: str, path: str, body: Any) -> Any:
        url = f"{self._url}{path}"
        with explained(url):
            async with (
                asyncio.timeout(ANSWER),
                self._http.session.request(method, url, json=body) as answer,
            ):
                if answer.status != 200:
                    raise refusal(answer.status, answer.headers, "")
                with reading():
                    return await answer.json(content_type=None)
