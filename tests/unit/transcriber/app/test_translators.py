"""Who translates follows from the settings and from where we are."""

from __future__ import annotations

import aiohttp
import pytest

from transcriber.app.translators import translating
from transcriber.captions.languages import NAMES
from transcriber.config import load
from transcriber.connectors.nextcloud import Identity, Nextcloud
from transcriber.errors import Misconfigured


async def found(environ: dict[str, str], *, app: bool = False) -> str:
    async with aiohttp.ClientSession() as http:
        us = Identity("live_transcription", "1", "1", "secret", "http://cloud.invalid")
        cloud = Nextcloud(us, http) if app else None
        async with translating(load(environ), cloud) as careful:
            return careful._translator.name if careful else ""


async def test_nobody_translates_unless_we_are_an_app_of_nextcloud() -> None:
    assert await found({}) == ""
    assert await found({"TRANSLATION_BACKEND": "none"}, app=True) == ""


async def test_others_translate_when_they_are_chosen() -> None:
    there = {"TRANSLATION_URL": "http://there.invalid"}
    assert await found({"TRANSLATION_BACKEND": "llm"} | there, app=True) == "llm"
    assert await found({"TRANSLATION_BACKEND": "libretranslate"} | there) == "libretranslate"


async def test_a_model_is_offered_for_all_languages_or_the_chosen_ones() -> None:
    environ = {"TRANSLATION_BACKEND": "llm", "TRANSLATION_URL": "http://there.invalid"}
    async with translating(load(environ), None) as careful:
        assert careful
        assert list(careful.targets) == list(NAMES)
    async with translating(load(environ | {"TRANSLATION_LANGUAGES": "de, fr"}), None) as careful:
        assert careful
        assert list(careful.targets) == ["de", "fr"]


@pytest.mark.parametrize("backend", ["llm", "libretranslate", "nextcloud"])
async def test_what_is_missing_is_said(backend: str) -> None:
    with pytest.raises(Misconfigured, match="TRANSLATION_"):
        await found({"TRANSLATION_BACKEND": backend})
