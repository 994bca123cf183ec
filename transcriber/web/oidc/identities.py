"""Who shows a token of the identity provider."""

from __future__ import annotations

from transcriber.web.auth import Caller
from transcriber.web.oidc.claims import Rules, key_id
from transcriber.web.oidc.provider import Provider

__all__ = ["Identities"]


class Identities:
    """Knows callers by what the provider signed about them."""

    def __init__(self, provider: Provider, rules: Rules) -> None:
        self._provider, self._rules = provider, rules

    async def find(self, token: str, *, nonce: str = "") -> Caller | None:
        """Return who shows a token, and what the provider lets them do here."""
        if (name := key_id(token)) is None or (key := await self._provider.key(name)) is None:
            return None
        return self._rules.caller(token, key, nonce=nonce)
