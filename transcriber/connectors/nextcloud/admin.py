"""
What Nextcloud's administrator sees of us: a form with settings, warnings, lines in the log.

Nextcloud does not tell when the form was changed; it has to be asked. Values come as texts,
whatever they are; lists and switches come in several forms, and become what our settings read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from transcriber.connectors.nextcloud.client import APP_API, Nextcloud, Unanswered

__all__ = ["Admin", "Level", "plain"]

Level = Literal["warning", "error"]
LEVELS: Mapping[Level, int] = {"warning": 2, "error": 3}
"""Nextcloud's numbers for them."""
ENCRYPTED = re.compile(r"([0-9a-f]{16,}\|){2}[0-9a-f]{16,}\|\d")
"""What a value looks like that only Nextcloud itself can read."""


class Admin:
    """Talks to the administrator through Nextcloud."""

    def __init__(self, cloud: Nextcloud) -> None:
        self._cloud = cloud

    async def show_form(self, scheme: Mapping[str, Any]) -> None:
        """Have a form in the administration settings."""
        await self._cloud.ask("POST", f"{APP_API}/api/v1/ui/settings", {"formScheme": scheme})

    async def values(self, names: Iterable[str]) -> dict[str, str]:
        """Return what was filled in."""
        path = f"{APP_API}/api/v1/ex-app/config/get-values"
        found = await self._cloud.ask("POST", path, {"configKeys": list(names)})
        entries = (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()
        values = {str(one.get("configkey")): plain(one.get("configvalue")) for one in entries}
        return {name: value for name, value in values.items() if value}

    async def offer_checks(self) -> bool:
        """Have our setup checks looked at; whether this Nextcloud can do that."""
        try:
            await self._cloud.ask("POST", f"{APP_API}/api/v1/setup_check")
        except Unanswered as error:
            if error.status in (404, 405):
                return False
            raise
        return True

    async def log(self, level: Level, message: str) -> None:
        """Write a line into Nextcloud's log."""
        line = {"level": LEVELS[level], "message": message}
        await self._cloud.ask("POST", f"{APP_API}/api/v1/log", line)


def plain(value: Any) -> str:
    """Return a field's value as a setting is written; nothing for what cannot be read."""
    if isinstance(value, str):
        text = value.strip()
        if text[:1] in ("[", "{", '"'):
            try:
                return plain(json.loads(text))
            except ValueError:
                return text
        return "" if ENCRYPTED.fullmatch(text) else text
    if isinstance(value, dict):
        return ",".join(str(name) for name, chosen in value.items() if chosen)
    if isinstance(value, list):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, bool | int | float) else ""
