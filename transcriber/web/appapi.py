"""Is it our Nextcloud that calls? AppAPI's headers, checked in constant time."""

from __future__ import annotations

import base64
import binascii
import hmac

from aiohttp import web

from transcriber.connectors.nextcloud import Identity
from transcriber.web.problems import ProblemError

__all__ = ["AppApiGuard"]

MOST = 4096
"""Characters of a header that we look at."""


class AppApiGuard:
    """Lets in only who knows the secret that AppAPI gave us, and means us."""

    def __init__(self, identity: Identity) -> None:
        self._id = identity.app_id.encode()
        self._secret = identity.secret.encode()

    async def __call__(self, request: web.Request, scope: str) -> None:
        """Raise 401 unless the caller is our Nextcloud."""
        if not self.knows(request):
            raise ProblemError(401, "unauthorized", "this is not our Nextcloud")

    def knows(self, request: web.Request) -> bool:
        """Whether our Nextcloud calls; somebody may call through it, where it lets them."""
        headers = request.headers
        given = headers.get("AUTHORIZATION-APP-API", "")[:MOST]
        app_id = headers.get("EX-APP-ID", "").encode(errors="surrogateescape")
        try:
            _, colon, secret = base64.b64decode(given, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return False
        versions = headers.get("AA-VERSION") and headers.get("EX-APP-VERSION")
        known = hmac.compare_digest(app_id, self._id) & hmac.compare_digest(secret, self._secret)
        return bool(known and colon and versions and self._secret)
