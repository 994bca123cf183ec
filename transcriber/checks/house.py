"""What is ours: the store, the dialogs, the address we listen on."""

from __future__ import annotations

import asyncio

from dialogs.library import Library
from dialogs.problem import did_you_mean
from transcriber.app.studio import flows_folder
from transcriber.checks.verdict import Verdict
from transcriber.config import Settings
from transcriber.errors import Misconfigured
from transcriber.store import StoreFailed, open_store
from transcriber.web.server import application, listen

__all__ = ["address", "dialogs", "store"]


async def store(settings: Settings) -> Verdict:
    """Open it, which makes its tables."""
    kind, _, rest = settings.store.url.partition("://")
    what = f"store in {rest}" if kind == "sqlite" else "store in PostgreSQL"
    try:
        async with open_store(settings.store.url):
            return Verdict(what, "DATABASE_URL")
    except (StoreFailed, Misconfigured) as error:
        return Verdict(what, "DATABASE_URL", str(error))


async def dialogs(settings: Settings) -> Verdict:
    """Read them. A folder that nobody named may be missing; a dialog that rooms want may not."""
    folder, usual = flows_folder(settings), settings.dialogs.usual
    if settings.dialogs.folder and not folder.is_dir():
        return Verdict(f"dialogs in {folder}", "DIALOG_DIR", "there is no such folder")
    library = await asyncio.to_thread(Library, folder)
    what = f"{len(library.flows)} dialogs in {folder}"
    if broken := ", ".join(library.broken):
        remedy = f"see `transcriber flows check {folder}`"
        return Verdict(what, "DIALOG_DIR", f"{broken} cannot be used; {remedy}")
    if usual and usual not in library.flows:
        hint = did_you_mean(usual, library.flows)
        return Verdict(what, "DEFAULT_DIALOG", f"there is no dialog {usual!r}; {hint}")
    return Verdict(what, "DIALOG_DIR")


async def address(settings: Settings) -> Verdict:
    """Listen for a moment."""
    what = f"address {settings.web.host} port {settings.web.port}"
    try:
        async with listen(application([], {}), settings.web.host, settings.web.port):
            return Verdict(what, "HTTP_PORT")
    except Misconfigured as error:
        return Verdict(what, error.setting, str(error))
