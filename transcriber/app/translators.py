"""The translator that is chosen, if any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from transcriber import aio
from transcriber.captions.languages import NAMES
from transcriber.config import Settings
from transcriber.connectors.nextcloud import Nextcloud
from transcriber.connectors.nextcloud.translation import NextcloudTranslator
from transcriber.engines.mt.base import Translator
from transcriber.engines.mt.careful import Careful
from transcriber.engines.mt.libre import Libre
from transcriber.engines.mt.llm import Llm
from transcriber.errors import Misconfigured

__all__ = ["chosen", "targets", "translating"]


def targets(translator: Careful | None) -> Callable[[], Sequence[str]]:
    """Return what tells the languages that somebody may choose to read, at any time."""
    return lambda: translator.targets if translator else ()


@asynccontextmanager
async def translating(settings: Settings, cloud: Nextcloud | None) -> AsyncIterator[Careful | None]:
    """Have the chosen translator at work while the block runs; nothing, if none is chosen."""
    translator = chosen(settings, cloud)
    if translator is None:
        yield None
        return
    options = settings.translation
    async with translator:
        careful = Careful(translator, patience=options.patience, offered=options.offered)
        async with aio.alongside(careful.run()):
            await asyncio.sleep(0)
            yield careful


def chosen(settings: Settings, cloud: Nextcloud | None) -> Translator | None:
    """Make the translator that is chosen, if any; raises `Misconfigured`."""
    options = settings.translation
    match options.backend:
        case "none":
            return None
        case "auto" | "nextcloud":
            return _of_nextcloud(cloud, wanted=options.backend == "nextcloud")
        case "llm" | "libretranslate" if not options.url:
            raise Misconfigured(
                "TRANSLATION_URL",
                "is not set",
                remedy=f"TRANSLATION_BACKEND={options.backend} needs it",
            )
        case "llm":
            return Llm(options, options.offered or tuple(NAMES))
        case "libretranslate":
            return Libre(options)


def _of_nextcloud(cloud: Nextcloud | None, *, wanted: bool) -> Translator | None:
    if cloud is None and wanted:
        raise Misconfigured("TRANSLATION_BACKEND", "nextcloud translates only for an app of it")
    return NextcloudTranslator(cloud) if cloud else None
