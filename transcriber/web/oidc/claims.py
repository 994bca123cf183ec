"""
What a token of an identity provider claims, once its signature and its time are checked.

Only signatures count that the provider alone can make. Never `none`, and never one with a shared
secret: for that, anybody could take the public key. A scope of ours must be claimed with a prefix,
so that no group that happens to be called `admin` is one here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from transcriber.web.auth import Caller
from transcriber.web.scopes import ADMIN, SCOPES

__all__ = ["ALGORITHMS", "PREFIX", "Rules", "key_id", "usable"]

ALGORITHMS = ("RS256", "ES256", "EdDSA")
PREFIX = "transcriber:"
"""What stands before a scope of ours: `transcriber:rooms:read`."""
LEEWAY = 30.0
"""Seconds that clocks may differ."""
NAMED = ("exp", "iat", "sub", "iss", "aud")
"""What every token must claim."""
NAMES = ("preferred_username", "email", "client_id")
"""Where a name for people may be, the best first."""
LONGEST = 255
"""Characters of a name, and of what a provider calls somebody."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Whose tokens count, if they are made for whom, and which of their words allow what."""

    issuer: str
    audience: str
    claim: str = "scope"
    """Where the words are; dots lead into objects."""
    admins: frozenset[str] = frozenset()
    """Words of somebody who may do everything."""

    def caller(self, token: str, key: jwt.PyJWK, *, nonce: str = "") -> Caller | None:
        """
        Return who shows a token signed with that key; nothing if any of it is wrong. One that was
        made for a sign-in repeats its `nonce`.
        """
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self.audience,
                issuer=self.issuer,
                leeway=LEEWAY,
                options={"require": list(NAMED)},
            )
        except jwt.PyJWTError:
            return None
        who = claims["sub"]
        if not 0 < len(who) <= LONGEST or (nonce and claims.get("nonce") != nonce):
            return None
        return Caller(f"oidc/{who}", _name(claims) or who, self._scopes(claims))

    def _scopes(self, claims: Mapping[str, Any]) -> frozenset[str]:
        words = _words(claims, self.claim)
        ours = {word.removeprefix(PREFIX) for word in words if word.startswith(PREFIX)}
        return frozenset(ours & SCOPES.keys() | ({ADMIN} if words & self.admins else set()))


def key_id(token: str) -> str | None:
    """Return which key a token says it is signed with; nothing if it is none that could count."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        return None
    return header.get("kid") if header.get("alg") in ALGORITHMS else None


def usable(published: list[dict[str, Any]]) -> dict[str, jwt.PyJWK]:
    """Return the keys that may sign tokens, by name; others may be among those published."""
    found = {}
    for one in published:
        try:
            key = jwt.PyJWK.from_dict(one)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
        if key.key_id and key.public_key_use != "enc" and key.algorithm_name in ALGORITHMS:
            found[key.key_id] = key
    return found


def _name(claims: Mapping[str, Any]) -> str:
    found = (claims.get(name) for name in NAMES)
    return next((name[:LONGEST] for name in found if name and isinstance(name, str)), "")


def _words(claims: Mapping[str, Any], path: str) -> set[str]:
    """Return the words at a path: a list, or a text with spaces."""
    found: Any = claims
    if path in claims:
        found = claims[path]
    else:
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    words = found.split() if isinstance(found, str) else found
    return {word for word in words if isinstance(word, str)} if isinstance(words, list) else set()
