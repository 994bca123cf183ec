"""Files of Nextcloud's users: put one there, and share it with a Talk room."""

from __future__ import annotations

from urllib.parse import quote

from transcriber.connectors.nextcloud.client import Nextcloud, Unanswered

__all__ = ["Files"]

SHARES = "/ocs/v2.php/apps/files_sharing/api/v1/shares"
ROOM = 10
"""The kind of share that a Talk room is."""
READ = 1
PATIENCE = 60.0
"""Seconds for a file to arrive."""


class Files:
    """Works in the name of a user."""

    def __init__(self, cloud: Nextcloud, user: str) -> None:
        self._cloud = cloud
        self._user = user
        self._root = f"/remote.php/dav/files/{quote(user, safe='')}"

    async def put(self, path: str, content: bytes, media_type: str) -> None:
        """Write a file, and the folders that it needs."""
        folders = path.split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            await self._dav("MKCOL", "/".join(folders[:depth]), allowed=(201, 405))
        await self._dav("PUT", path, content, media_type, allowed=(201, 204))

    async def share(self, path: str, room: str) -> None:
        """Let everybody in a room read a file; sharing it again does no harm."""
        share = {"shareType": ROOM, "shareWith": room, "path": f"/{path}", "permissions": READ}
        try:
            await self._cloud.ask("POST", SHARES, share, user=self._user)
        except Unanswered as error:
            if error.status != 403:
                raise
            # so it is shared already, or he may not share: see which
            if not await self._shared(path, room):
                raise

    async def _shared(self, path: str, room: str) -> bool:
        found = await self._cloud.ask("GET", SHARES, user=self._user, query={"path": f"/{path}"})
        shares = found if isinstance(found, list) else []
        return any(one.get("share_with") == room for one in shares if isinstance(one, dict))

    async def _dav(
        self,
        method: str,
        path: str,
        content: bytes = b"",
        media_type: str = "",
        *,
        allowed: tuple[int, ...],
    ) -> None:
        headers = {"Content-Type": f"{media_type}; charset=utf-8"} if media_type else {}
        answer = await self._cloud.send(
            method,
            f"{self._root}/{quote(path)}",
            content,
            user=self._user,
            headers=headers,
            patience=PATIENCE,
        )
        if answer.status not in allowed:
            raise Unanswered(f"{method} {path}: status {answer.status}", status=answer.status)
