"""
Who may use the service when it does not run behind Modal's own proxy.

The same secrets in whichever way a client sends them: a bearer token, a pair of headers named
like Modal's (so that a client does not notice where the service runs), or the header and the query
parameter of `moshi-server`. All comparisons take the same time whatever is sent.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Access"]


@dataclass(frozen=True, slots=True)
class Access:
    """What opens the door; with neither token nor pair it stands open."""

    token: str = ""
    key: str = ""
    secret: str = ""

    @property
    def open(self) -> bool:
        """Whether anybody may come in."""
        return not (self.token or (self.key and self.secret))

    def allows(self, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
        """Judge a request by what it brings."""
        if self.open:
            return True
        scheme, _, bearer = headers.get("Authorization", "").partition(" ")
        moshi = headers.get("kyutai-api-key", query.get("auth_id", ""))
        by_token = _same(bearer.strip() if scheme.lower() == "bearer" else "", self.token)
        by_moshi = _same(moshi, self.token)
        by_key = _same(headers.get("Modal-Key", ""), self.key)
        by_secret = _same(headers.get("Modal-Secret", ""), self.secret)
        return by_token or by_moshi or (by_key and by_secret)


def _same(given: str, wanted: str) -> bool:
    equal = hmac.compare_digest(given.encode(), wanted.encode())
    return equal and bool(wanted)
