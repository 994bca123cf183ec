"""
How a receiver knows that a delivery is ours, new, and unchanged.

Two kinds of signature travel together. Standard Webhooks signs id, time of the attempt and the
exact bytes of the body, so an old request cannot be played again; while a secret is rotated, both
secrets sign. The plain one is a hash of the body alone, keyed with the text of the newest secret:
any language checks it in one line, but it cannot tell an old request from a new one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping

from webhooks.errors import Unverified

__all__ = ["TOLERANCE", "new_secret", "sign", "verify"]

PREFIX = "whsec_"
PLAIN = "X-Transcriber-Signature-256"
TOLERANCE = 300.0
"""Seconds by which a receiver's clock may differ from ours."""
SECRET_BYTES = (24, 64)
"""Lengths of secrets that Standard Webhooks allows."""


def new_secret(chance: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Make a secret of 32 random bytes, in the form shown to users."""
    return PREFIX + base64.b64encode(chance(32)).decode()


def sign(message_id: str, body: bytes, *keys: str, now: float) -> dict[str, str]:
    """
    Return the headers that prove where a delivery comes from.

    The newest of the secrets comes first. A malformed one raises `ValueError`.
    """
    timestamp = str(int(now))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_sign(key, message_id, timestamp, body) for key in keys),
        PLAIN: "sha256=" + hmac.new(keys[0].encode(), body, hashlib.sha256).hexdigest(),
    }


def verify(
    headers: Mapping[str, str],
    body: bytes,
    *keys: str,
    tolerance: float = TOLERANCE,
    now: Callable[[], float] = time.time,
) -> str:
    """
    Return the id of a delivery that was signed with one of the secrets, recently.

    Anything else raises `Unverified`. A delivery that comes twice has the same id twice: whoever
    must not act twice remembers ids for a day.
    """
    received = {name.lower(): value for name, value in headers.items()}
    try:
        message_id = received["webhook-id"]
        timestamp = received["webhook-timestamp"]
        given = received["webhook-signature"].split()
        age = now() - int(timestamp)
    except (KeyError, ValueError) as problem:
        raise Unverified("the webhook headers are missing or malformed") from problem
    if abs(age) > tolerance:
        raise Unverified("the request is too old, or one of the clocks is wrong")
    wanted = [_sign(key, message_id, timestamp, body) for key in keys]
    matches = [
        hmac.compare_digest(one.encode(), other.encode()) for one in given for other in wanted
    ]
    if not any(matches):
        raise Unverified("no signature matches the secret")
    return message_id


def _sign(key: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(_secret_bytes(key), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _secret_bytes(key: str) -> bytes:
    try:
        secret = base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook secret must be base64, prefixed with whsec_") from error
    shortest, longest = SECRET_BYTES
    if not shortest <= len(secret) <= longest:
        raise ValueError(f"a webhook secret must have {shortest} to {longest} bytes")
    return secret
