"""One request to one endpoint: what is sent, and what its answer means."""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from webhooks import signature
from webhooks.models import Delivery, Endpoint

__all__ = ["GONE", "Post", "Reply", "http_post", "request_headers"]

GONE = 410
"""The answer with which a receiver asks never to be sent to again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a status, or else why there is none."""

    status: int | None
    error: str = ""
    retry_after: str = ""
    response: str = ""
    duration: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether the receiver has taken the delivery over."""
        return self.status is not None and 200 <= self.status < 300


Post = Callable[[str, dict[str, str], bytes], Awaitable[Reply]]
"""Sends a body to a URL; never raises, whatever the receiver does."""


def request_headers(endpoint: Endpoint, delivery: Delivery, *, now: float) -> dict[str, str]:
    """Name and sign a delivery; a replay has the same ids and says that it is one."""
    message = delivery.message
    headers = signature.sign(message.id, message.body, *endpoint.keys(now), now=now) | {
        "Content-Type": "application/json",
        "User-Agent": "Transcriber-Webhooks/1",
        "X-Transcriber-Event": message.type,
        "X-Transcriber-Delivery": message.id,
        "X-Transcriber-Attempt": str(delivery.attempts + 1),
    }
    if delivery.replays:
        headers["X-Transcriber-Replay"] = str(delivery.replays)
    return headers


def http_post(session: aiohttp.ClientSession, *, limit: float, kept: int) -> Post:
    """Make a sender that waits `limit` seconds at most and keeps so many bytes of an answer."""
    patience = aiohttp.ClientTimeout(total=limit)

    async def post(url: str, headers: dict[str, str], body: bytes) -> Reply:
        began = time.monotonic()
        try:
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False, timeout=patience
            ) as response:
                content = await _read(response, kept)
                return Reply(
                    response.status,
                    "" if 200 <= response.status < 300 else f"status {response.status}",
                    response.headers.get("Retry-After", ""),
                    _clean(content.decode("utf-8", "replace")),
                    time.monotonic() - began,
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            problem = "timed out" if isinstance(error, TimeoutError) else _reason(error)
            return Reply(None, problem, duration=time.monotonic() - began)

    return post


async def _read(response: aiohttp.ClientResponse, kept: int) -> bytes:
    """Read the beginning of an answer; what is longer costs the connection, not the memory."""
    content = bytearray()
    while len(content) < kept and (part := await response.content.read(kept - len(content))):
        content += part
    if not response.content.at_eof():
        response.close()
    return bytes(content)


def _reason(error: Exception) -> str:
    cause = getattr(error, "os_error", error)
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return f"TLS failed: {cause}"
    return _clean(str(cause) or type(error).__name__)[:500]


def _clean(text: str) -> str:
    """Keep only what every database can keep."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
