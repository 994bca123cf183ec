"""
What conversations need of the world, put together: flows, a voice, a model, the web.

The voice is loaded when somebody first wants to speak: most processes that attend rooms never do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from dialogs import Library
from dialogs.ports import Llm, Request, Response, Style
from transcriber import aio
from transcriber.app.models import models
from transcriber.app.recognisers import chosen
from transcriber.app.voices import speaker
from transcriber.audio.block import Samples
from transcriber.bus.memory import Bus
from transcriber.config import Settings
from transcriber.connectors.hooks import Web
from transcriber.connectors.sounds import Sounds
from transcriber.session.accounts import Accounts
from transcriber.session.conversations import Conversations
from transcriber.session.host import Engines
from transcriber.session.places import Places
from transcriber.store import Store
from transcriber.tls import trust
from webhooks import guarded_client

__all__ = ["Talks", "talks"]


class Studio:
    """The voice, the model and the web of all conversations here; `async with` frees them."""

    def __init__(self, settings: Settings) -> None:
        self._speaker = speaker(settings)
        self._models = models(settings)
        self._allowed = settings.dialogs.allowed
        self._stack = AsyncExitStack()
        self._loading = asyncio.Lock()
        self._loaded = False
        self._web: Web | None = None

    async def __aenter__(self) -> None:
        client: httpx.AsyncClient = guarded_client(allowed=self._allowed, tls=trust())
        await self._stack.enter_async_context(self._models)
        self._web = Web(await self._stack.enter_async_context(client))

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.aclose()

    @property
    def llm(self) -> Llm | None:
        """The language model of agents, if there is one that can be used."""
        return None if self._models.unusable() else self._models

    async def prepare(self) -> None:
        """Load the voice, unless it is; raises a `TranscriberError`."""
        async with self._loading:
            if not self._loaded:
                await self._stack.enter_async_context(self._speaker)
                self._loaded = True

    async def speak(self, text: str, style: Style) -> AsyncGenerator[Samples, None]:
        """Make a sentence into sound."""
        await self.prepare()
        async with self._speaker.speak(
            text, voice=style.voice, language=style.language, engine=style.engine
        ) as pieces:
            async for piece in pieces:
                yield piece.samples

    async def send(self, request: Request) -> Response:
        """Ask the web."""
        assert self._web
        return await self._web.send(request)


@dataclass(frozen=True, slots=True)
class Talks:
    """The conversations of a process, and what they need."""

    conversations: Conversations
    studio: Studio

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold them while the block runs."""
        async with self.studio, aio.alongside(self.conversations.run()):
            yield


def flows_folder(settings: Settings) -> Path:
    """Return where the dialogs are."""
    return settings.dialogs.folder or settings.store.folder / "dialogs"


def talks(settings: Settings, bus: Bus, store: Store, *, places: Places | None = None) -> Talks:
    """Put conversations together; `places` is for the process that holds those in writing too."""
    options, studio = settings.dialogs, Studio(settings)
    folder = flows_folder(settings)
    engines = Engines(
        studio.speak,
        Sounds(folder, studio).fetch,
        studio,
        llm=studio.llm,
        turns=lambda language, engine: chosen(settings, language, engine).info.turns,
        prepare=studio.prepare,
    )
    conversations = Conversations(
        Library(folder),
        engines,
        accounts=Accounts(store),
        bus=bus,
        places=places,
        writing=places is not None,
        most=options.most,
    )
    return Talks(conversations, studio)
