"""
The web, for dialogs: hooks, tools and sounds.

Addresses may come from whoever talks to a dialog, so the client is one that reaches nothing inside
(`webhooks.guarded_client`), and an answer is read no further than it may be long. Compressed ones
are refused: a small answer can become a large one.
"""

from __future__ import annotations

import httpx

from dialogs.errors import HookFailed
from dialogs.ports import Request, Response

__all__ = ["Web"]


class Web:
    """Sends requests; a `dialogs.ports.Hooks`."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, request: Request) -> Response:
        """Ask; raises `HookFailed` when the address is refused or there is no usable answer."""
        headers = {**request.headers, "Accept-Encoding": "identity"}
        try:
            async with self._client.stream(
                request.method,
                request.url,
                content=request.body,
                headers=headers,
                timeout=request.timeout,
            ) as response:
                return Response(response.status_code, await _body(response, request.limit))
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
            raise HookFailed(f"no usable address: {error}", retryable=False) from error
        except httpx.TimeoutException as error:
            raise HookFailed(f"no answer within {request.timeout:g} s") from error
        except httpx.HTTPError as error:
            raise HookFailed(str(error) or type(error).__name__) from error


async def _body(response: httpx.Response, limit: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise HookFailed("answered with something compressed", retryable=False)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise HookFailed(f"answered with more than {limit} bytes", retryable=False)
    return bytes(body)
