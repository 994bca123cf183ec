"""
A receiver of webhooks for developers: verifies what comes, and prints it.

Unless it is given the secret of a webhook, it makes one for itself, which is gone when it ends.
The service must be allowed to send to this machine, which it usually is not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from transcriber.cli.screen import show_json
from transcriber.errors import BadInput, Misconfigured
from webhooks import Endpoint, Store, verify
from webhooks.addresses import Addresses
from webhooks.errors import Unknown, Unverified

__all__ = ["Receiver", "receive"]

HOST = "127.0.0.1"
Make = Callable[[str], Awaitable[Endpoint]]


class Receiver:
    """Answers deliveries; those that are not signed with the secret are refused."""

    def __init__(self, *, as_json: bool) -> None:
        self.secret = ""
        self._as_json = as_json

    async def answer(self, request: web.Request) -> web.Response:
        """Verify and print one delivery."""
        body = await request.read()
        try:
            verify(request.headers, body, self.secret)
        except Unverified as problem:
            self._show({"refused": str(problem)})
            return web.Response(status=401, text=str(problem))
        self._show(json.loads(body))
        return web.Response(status=204)

    def _show(self, event: dict[str, object]) -> None:
        if self._as_json or "refused" in event:
            show_json(event)
        else:
            print(event["timestamp"], event["type"], json.dumps(event["data"], ensure_ascii=False))


async def receive(store: Store, make: Make, args: argparse.Namespace) -> None:
    """Receive until cancelled."""
    receiver = Receiver(as_json=args.json)
    async with _listening(receiver, args.port) as url, _known(store, make, args, url) as secret:
        receiver.secret = secret
        print(f"listening on {url} (Ctrl-C to stop)", flush=True)
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def _listening(receiver: Receiver, port: int) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as error:
            raise BadInput(f"cannot listen on port {port}: {error.strerror}") from error
        yield f"http://{HOST}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _known(
    store: Store, make: Make, args: argparse.Namespace, url: str
) -> AsyncIterator[str]:
    """Find out the secret: the one that was given, or that of a webhook made for now."""
    if args.secret:
        yield args.secret
        return
    if not Addresses(args.allowed).permits(HOST):
        raise Misconfigured(
            "WEBHOOK_ALLOWED_NETWORKS",
            f"does not let the service send to {HOST}",
            remedy=f"set it to {HOST} here and for the service, for development alone",
        )
    endpoint = await make(url)
    try:
        yield endpoint.secrets[0].value
    finally:
        with contextlib.suppress(Unknown):
            await store.delete(endpoint.id)
