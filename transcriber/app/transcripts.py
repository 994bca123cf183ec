"""The part that keeps transcripts, shows them, hands them over and deletes them in time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from transcriber.app.home import asking
from transcriber.app.house import Face, House
from transcriber.captions.transcript import MEDIA_TYPES
from transcriber.connectors.nextcloud import Nextcloud, Unanswered
from transcriber.connectors.nextcloud.chat import Chat
from transcriber.connectors.nextcloud.files import Files
from transcriber.transcripts import commands
from transcriber.transcripts.archive import Archive, Kept
from transcriber.transcripts.caretaker import Caretaker, Deliver
from transcriber.transcripts.keeper import Announce, Keeper
from transcriber.transcripts.options import TranscriptOptions
from transcriber.transcripts.permission import Permissions
from transcriber.web.transcripts import Transcripts

__all__ = ["transcripts"]

OURS = "room_"
"""How the names of built-in rooms begin; their page shows by itself that a transcript is kept."""
FORBIDDEN = re.compile(r'[\x00-\x1f/\\:*?"<>|]+')
"""What names of files must not have, on some system that Nextcloud's files are copied to."""


@asynccontextmanager
async def transcripts(house: House) -> AsyncIterator[Face]:
    """Keep what is said, if that is wanted; what was kept before is there in any case."""
    options = house.settings.transcripts
    archive, permissions = Archive(house.store), Permissions(house.store)
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(asking(house.settings))
        deliver = _delivery(options, archive, cloud) if cloud and options.formats else None
        caretaker = Caretaker(house.bus, house.store, archive, days=options.days, deliver=deliver)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        looking = tasks.create_task(caretaker.run(), name="caretaker")
        keeper = Keeper(house.bus, archive, permissions, announce=_announcement(cloud))
        if options.keep:
            tasks.create_task(keeper.run(), name="transcripts")
        try:
            yield Face(Transcripts(archive, permissions).routes())
        finally:
            keeper.stop()
            looking.cancel()


def _announcement(cloud: Nextcloud | None) -> Announce:
    chat = Chat(cloud) if cloud else None

    async def announce(room: str, kept: bool) -> None:
        if room.startswith(OURS):
            return
        if chat is None:
            raise Unanswered("nobody in this call can be told")
        await chat.say(room, commands.BEGUN if kept else commands.ENDED)

    return announce


def _delivery(options: TranscriptOptions, archive: Archive, cloud: Nextcloud) -> Deliver:
    async def deliver(kept: Kept) -> None:
        kind, _, user = kept.by.partition("/")
        if kind != "users" or kept.room.startswith(OURS):
            raise Unanswered("whoever agreed to the transcript has no files")
        files = Files(cloud, user)
        for form in options.formats:
            text = "".join([piece async for piece in archive.text(kept, form)])
            path = f"{options.folder}/{_name(kept)}.{form}"
            await files.put(path, text.encode(), MEDIA_TYPES[form])
            await files.share(path, kept.room)

    return deliver


def _name(kept: Kept) -> str:
    """A name that people find again: the room, and when its call began."""
    began = datetime.fromtimestamp(kept.started, UTC).strftime("%Y-%m-%d %H.%M.%S UTC")
    title = FORBIDDEN.sub(" ", kept.title or kept.room).strip(" .")[:80].strip()
    return f"{title} {began}".strip()
