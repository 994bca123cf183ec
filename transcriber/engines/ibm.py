"""
How IBM's services let us in: the key of an account buys tokens for an hour, which are what a
service asks for.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from transcriber.engines.stt.wire import Http, explained, reading, refusal

__all__ = ["Counter", "Tokens"]

GRANT = "urn:ibm:params:oauth:grant-type:apikey"
ASKING = 10.0
"""Seconds for a token to come."""
SPARE = 300.0
"""Seconds before its end from which on a token is not used any more."""


class Counter(BaseModel):
    """What all of IBM's services need: a key, the address of an instance, and a token."""

    key: SecretStr
    url: str
    tokens: str = Field(
        "https://iam.cloud.ibm.com/identity/token",
        pattern=r"^https?://.+$",
        alias="IBM_IAM_URL",
        description="where IBM's tokens are bought for the key",
    )

    @property
    def lacking(self) -> str:
        """Say what must be set."""
        fields = type(self).model_fields
        wanted = {"key": self.key.get_secret_value(), "url": self.url}
        names = [str(fields[name].alias) for name, value in wanted.items() if not value]
        return f"not configured: set {' and '.join(names)}" if names else ""


class Tokens:
    """Buys one when it is needed."""

    def __init__(self, http: Http, url: str, key: SecretStr) -> None:
        self._http, self._url, self._key = http, url, key
        self._buying = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def token(self) -> str:
        """Return a token that is good for a while; raises `EngineError`."""
        now = asyncio.get_running_loop().time
        async with self._buying:
            if now() >= self._until:
                answer = await self._buy()
                with reading():
                    self._token = str(answer["access_token"])
                    self._until = now() + float(answer["expires_in"]) - SPARE
            return self._token

    async def _buy(self) -> Any:
        form = {"grant_type": GRANT, "apikey": self._key.get_secret_value()}
        with explained(self._url):
            async with (
                asyncio.timeout(ASKING),
                self._http.session.post(self._url, data=form) as answer,
            ):
                if answer.status == 400:  # what IBM says of a wrong key
                    raise refusal(401, answer.headers, "no token for this key")
                if answer.status != 200:
                    raise refusal(answer.status, answer.headers, "no token")
                with reading():
                    return await answer.json(content_type=None)
