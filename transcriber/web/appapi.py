"""
Is it our Nextcloud that calls? AppAPI's headers, checked in constant time.

Whoever calls through it from their browser is an administrator: it lets nobody else through to our
routes (`appinfo/info.xml`).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re

from aiohttp import web

from transcriber.connectors.nextcloud import Identity
from transcriber.web.auth import Caller
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Route
from transcriber.web.scopes import ADMIN

__all__ = ["AppApiGuard"]

MOST = 4096
"""Characters of a header that we look at."""


PAGE = re.compile(r"/console|/assets/.+|/api/v1/session")
"""The console, as everybody may have it: without what it shows."""
API = re.compile(
    r"/api/v1/(audit|console|dialogs|engines|rooms|self-test|tokens|transcripts|webhooks)(/.*)?"
)
"""What it shows, and does."""


def behind(route: Route) -> bool:
    """Whether a route is for browsers of Nextcloud's administrators, too."""
    known = {"public": PAGE, "token": API}.get(route.auth.kind)
    return bool(known and known.fullmatch(route.path))


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
        return self._user(request) is not None

    async def visitor(self, request: web.Request) -> Caller | None:
        """Return which of its administrators calls through it."""
        if user := self._user(request):
            return Caller(f"nextcloud/{user}", user, frozenset({ADMIN}))
        return None

    def _user(self, request: web.Request) -> str | None:
        """Return in whose name it calls, which may be nobody's; nothing if it is somebody else."""
        headers = request.headers
        given = headers.get("AUTHORIZATION-APP-API", "")[:MOST]
        app_id = headers.get("EX-APP-ID", "").encode(errors="surrogateescape")
        try:
            user, colon, secret = base64.b64decode(given, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return None
        versions = headers.get("AA-VERSION") and headers.get("EX-APP-VERSION")
        known = hmac.compare_digest(app_id, self._id) & hmac.compare_digest(secret, self._secret)
        return (
            user.decode(errors="replace") if known and colon and versions and self._secret else None
        )
