"""
How a client proves who it is.

An internal client (a bot, the telephone bridge) knows a secret of the server and signs a random
text with it. Users show what their Nextcloud gave them: a ticket, or in the second version of
the greeting a signed token. Users exist here for tests and for tools; the bot is internal.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Credentials", "Internal", "Ticket", "Token", "sign"]

BACKEND_PATH = "/ocs/v2.php/apps/spreed/api/v3/signaling/backend"
"""Where the signaling server asks Nextcloud about a user, below Nextcloud's base URL."""

NONCE_BYTES = 32
"""Random bytes signed in a greeting; the server refuses fewer than 32 characters."""


def sign(secret: str, text: str) -> str:
    """Return the proof of an internal client that knows `secret`."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _nonce() -> str:
    return secrets.token_hex(NONCE_BYTES)


class Credentials(Protocol):
    """Somebody who can greet."""

    @property
    def version(self) -> str:
        """Version of the greeting."""
        ...

    @property
    def internal(self) -> bool:
        """Whether this is a client the server itself trusts, without a Nextcloud user."""
        ...

    def greeting(self) -> dict[str, Any]:
        """Return the body of a greeting that proves who we are; a new one each time."""
        ...


@dataclass(frozen=True, slots=True)
class Internal:
    """
    A bot with the server's internal secret.

    `backend` is the Nextcloud's base URL as the signaling server has it configured.
    """

    backend: str
    secret: str = field(repr=False)
    nonce: Callable[[], str] = _nonce
    version: str = "2.0"
    internal: bool = True

    def greeting(self) -> dict[str, Any]:
        """Return a greeting that takes no audio of ours for granted."""
        random = self.nonce()
        proof = {"random": random, "token": sign(self.secret, random), "backend": self.backend}
        # Without this feature we count as a speaker until our own flags have arrived.
        features = ["internal-incall"]
        auth = {"type": "internal", "params": proof}
        return {"version": self.version, "features": features, "auth": auth}


@dataclass(frozen=True, slots=True)
class Ticket:
    """A user with a ticket (greeting version 1)."""

    backend: str
    ticket: str = field(repr=False)
    version: str = "1.0"
    internal: bool = False

    def greeting(self) -> dict[str, Any]:
        """Return a greeting that the server has Nextcloud check."""
        return _user(self.version, self.backend, {"ticket": self.ticket})


@dataclass(frozen=True, slots=True)
class Token:
    """A user with a signed token (greeting version 2), good for about a minute."""

    backend: str
    token: str = field(repr=False)
    version: str = "2.0"
    internal: bool = False

    def greeting(self) -> dict[str, Any]:
        """Return a greeting that the server checks with Nextcloud's public key."""
        return _user(self.version, self.backend, {"token": self.token})


def _user(version: str, backend: str, params: dict[str, str]) -> dict[str, Any]:
    url = backend.rstrip("/") + BACKEND_PATH
    return {"version": version, "auth": {"url": url, "params": params}}
