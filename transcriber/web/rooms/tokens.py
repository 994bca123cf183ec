"""
Tokens that let somebody into one room: signed, expiring, and checked without asking anybody.

A token says which room, who, and what they may do there. Whoever has no signature of ours, or one
over something else, learns only that the token is not valid.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256

__all__ = ["GRANTS", "Claims", "Invalid", "Tokens"]

GRANTS = ("join", "publish", "subscribe", "admin")
"""Be in the room; send; get what others send; mute and remove others."""
PREFIX = "rt1"
"""The form of the token, so that another one can be told apart."""
LONGEST = 2_000
"""Characters of a token that are looked at."""


class Invalid(Exception):
    """The token is not ours, not for this room, or has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says; `expires` as Unix time."""

    room: str
    identity: str
    name: str = ""
    grants: tuple[str, ...] = ("join", "publish", "subscribe")
    expires: float = 0.0


class Tokens:
    """Makes and checks tokens; without a secret, with one that nobody else ever knows."""

    def __init__(self, secret: str = "", *, now: Callable[[], float] = time.time) -> None:
        self._key = sha256(b"room token:" + (secret.encode() or secrets.token_bytes(32))).digest()
        self._now = now

    def issue(self, claims: Claims) -> str:
        """Sign claims."""
        body = _encode(json.dumps(asdict(claims), separators=(",", ":")).encode())
        return f"{PREFIX}.{body}.{_encode(self._sign(body))}"

    def check(self, token: str, room: str) -> Claims:
        """Return what a token says; raises `Invalid` unless it is ours, for this room, in time."""
        prefix, _, rest = token[:LONGEST].partition(".")
        body, _, signature = rest.partition(".")
        if prefix != PREFIX or not hmac.compare_digest(_decode(signature), self._sign(body)):
            raise Invalid("this is no token of ours")
        said = json.loads(_decode(body))
        claims = Claims(**said | {"grants": tuple(said["grants"])})
        if claims.room != room:
            raise Invalid("this token is for another room")
        if claims.expires <= self._now():
            raise Invalid("this token has expired")
        return claims

    def _sign(self, body: str) -> bytes:
        return hmac.digest(self._key, f"{PREFIX}.{body}".encode("utf-8", "replace"), "sha256")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
