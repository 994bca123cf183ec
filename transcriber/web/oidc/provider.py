"""
The identity provider: where its keys are, and which it has.

Keys are learnt when first needed and again every quarter of an hour, so one that was withdrawn does
not count for longer. A key that is not known may be new: then they are asked for at once, but not
more often than every ten seconds, whatever tokens somebody makes up. While the provider is away,
what it said last holds for a day.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
import structlog
from jwt import PyJWK
from pydantic import BaseModel, Field

from transcriber.tls import trust
from transcriber.web.oidc.claims import usable
from transcriber.web.problems import ProblemError

__all__ = ["AWAY", "Provider"]

M = TypeVar("M", bound=BaseModel)

RENEWED = 900.0
"""Seconds after which keys are asked for again."""
AGAIN = 10.0
"""Seconds between two questions, at least."""
HELD = 86_400.0
"""Seconds for which keys count that cannot be renewed."""
PATIENCE = 5.0
"""Seconds that the provider may take for all it says."""
LARGEST = 1 << 18
"""Bytes of one answer."""
HERE = {"localhost", "127.0.0.1", "::1"}
"""Hosts that need no TLS."""

AWAY = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
"""What it comes to when the provider does not answer, or not as it should."""

log = structlog.get_logger(__name__)


class About(BaseModel):
    """What a provider publishes about itself; not every one lets people sign in."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


class Tokens(BaseModel):
    """What it gives for a code."""

    id_token: str
    access_token: str = ""


class KeySet(BaseModel):
    """The keys it publishes."""

    keys: list[dict[str, Any]] = Field(max_length=100)


class Provider:
    """Knows an issuer's keys; to be entered."""

    def __init__(self, issuer: str, now: Callable[[], float] = time.monotonic) -> None:
        self.issuer, self._now = issuer, now
        self._keys: dict[str, PyJWK] = {}
        self._about: About | None = None
        self._asked = self._learnt = -math.inf
        self._asking = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        self._http = await self._stack.enter_async_context(session)
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.aclose()

    async def key(self, key_id: str) -> PyJWK | None:
        """Return a key; raises 503 while the provider has never said which there are."""
        if self._due(key_id):
            async with self._asking:
                if self._due(key_id):
                    await self._renew()
        if not self._keys:
            detail = "the identity provider does not answer"
            raise ProblemError(503, "provider-away", detail, retry_after=math.ceil(AGAIN))
        return self._keys.get(key_id)

    async def about(self) -> About:
        """Return what it says of itself; raises 503 while it has never said."""
        if self._about is None:
            await self.key("")
        assert self._about is not None, "it has said its keys"
        return self._about

    async def redeem(self, form: Mapping[str, str], client: str, secret: str) -> Tokens:
        """Return the tokens for a code; raises `ValueError` or an error of the network."""
        about, auth, sent = await self.about(), None, {**form, "client_id": client}
        if secret and "client_secret_basic" in about.token_endpoint_auth_methods_supported:
            auth = aiohttp.BasicAuth(quote(client, safe=""), quote(secret, safe=""))
        elif secret:
            sent["client_secret"] = secret
        return await self._ask("POST", about.token_endpoint, Tokens, data=sent, auth=auth)

    def _due(self, key_id: str) -> bool:
        now = self._now()
        new = key_id not in self._keys or now >= self._learnt + RENEWED
        return new and now >= self._asked + AGAIN

    async def _renew(self) -> None:
        self._asked = self._now()
        try:
            async with asyncio.timeout(PATIENCE):
                self._keys = await self._learn()
            self._learnt = self._asked
        except AWAY as error:
            log.warning(
                "identity provider does not say its keys",
                issuer=self.issuer,
                problem=type(error).__name__,
            )
            if self._asked >= self._learnt + HELD:
                self._keys = {}

    async def _learn(self) -> dict[str, PyJWK]:
        place = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        about = await self._ask("GET", place, About)
        if about.issuer != self.issuer:
            raise ValueError("another issuer answers")
        keys = usable((await self._ask("GET", about.jwks_uri, KeySet)).keys)
        self._about = about
        return keys

    async def _ask(self, method: str, url: str, model: type[M], **sent: Any) -> M:
        place, body = urlsplit(url), bytearray()
        if place.scheme != "https" and place.hostname not in HERE:
            raise ValueError("an identity provider needs https")
        async with self._http.request(
            method, url, allow_redirects=False, raise_for_status=True, ssl=trust(), **sent
        ) as answer:
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > LARGEST:
                    raise ValueError("the answer is too large")
        return model.model_validate_json(body)
