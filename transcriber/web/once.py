"""
Doing something once, however often it is asked for: the header `Idempotency-Key`.

Whoever does not know whether their POST arrived sends it again with the same key, and gets the
answer of the first time. Answers are kept for a day. They may hold a secret that is shown only
once, so they are sealed with the token that asked: the store alone cannot read them. Who shows no
token, but a browser's cookie, is not listened to here. What failed has changed nothing and is not
kept. The work is done to its end even when the caller hangs up: that is when they will ask again.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Self

from aiohttp import web
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from transcriber.store import Conflict, Store
from transcriber.web.auth import CALLER, bearer
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Route, Serve

__all__ = ["Once"]

HEADER = "Idempotency-Key"
FORM = re.compile(r"[\x21-\x7e]{1,255}")
KIND = "answer"
KEPT = 86_400.0
"""Seconds for which an answer can be had again."""
WORKING = 120.0
"""Seconds after which who was answering has died."""
DRAIN = 5.0
"""Seconds that work gets when we stop."""
NONCE_BYTES = 12
HEADERS = ("Content-Type", "Location", "ETag")
"""What is repeated beside the body."""


class Once:
    """A rule for every route that makes something for a caller with a token; to be entered."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store, self._now = store, now
        self._working: set[asyncio.Task[web.StreamResponse]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        if working := set(self._working):
            await asyncio.wait(working, timeout=DRAIN)
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    def inside(self, route: Route, serve: Serve) -> Serve:
        """Answer as before what was answered before."""
        if route.method != "POST" or route.auth.kind != "token":
            return serve

        async def served(request: web.Request) -> web.StreamResponse:
            if HEADER not in request.headers or not bearer(request):
                return await serve(request)
            return await self._once(request, serve)

        return served

    async def _once(self, request: web.Request, serve: Serve) -> web.StreamResponse:
        given = request.headers[HEADER]
        if not FORM.fullmatch(given):
            raise ProblemError(422, "invalid-header", f"{HEADER} is 1 to 255 visible characters")
        key = _hash(request[CALLER].id, request.path, given)
        digest = _hash(bearer(request), (await request.read()).hex())
        claim = {"request": digest}
        try:
            await self._store.put(KIND, key, claim, seen=0, expires=self._now() + WORKING)
        except Conflict:
            return await self._again(request, key, digest)
        task = asyncio.create_task(self._work(request, serve, key, claim), name="do it once")
        self._working.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    async def _work(
        self, request: web.Request, serve: Serve, key: str, claim: dict[str, str]
    ) -> web.StreamResponse:
        try:
            answer = await serve(request)
        except BaseException:
            await self._store.forget(KIND, key)
            raise
        sealed = _sealed(_cipher(request, request.headers[HEADER]), answer)
        value = claim | {"sealed": sealed}
        await self._store.put(KIND, key, value, expires=self._now() + KEPT)
        return answer

    def _done(self, task: asyncio.Task[web.StreamResponse]) -> None:
        self._working.discard(task)
        if not task.cancelled():
            task.exception()  # whoever still waits gets it; if nobody does, nobody need be told

    async def _again(self, request: web.Request, key: str, digest: str) -> web.StreamResponse:
        record = await self._store.get(KIND, key)
        kept = record.value if record else {"request": digest}
        if kept["request"] != digest:
            raise ProblemError(422, "key-reused", f"this {HEADER} was sent with another request")
        if "sealed" not in kept:
            raise ProblemError(409, "in-progress", "the first of them goes on", retry_after=1)
        return _opened(_cipher(request, request.headers[HEADER]), kept["sealed"])


def _hash(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _cipher(request: web.Request, given: str) -> AESGCM:
    return AESGCM(bytes.fromhex(_hash("answer", bearer(request), given)))


def _sealed(cipher: AESGCM, answer: web.StreamResponse) -> str:
    assert isinstance(answer, web.Response), "what makes something answers in one piece"
    headers = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
    body = bytes(answer.body) if isinstance(answer.body, bytes | bytearray) else b""
    plain = json.dumps({"status": answer.status, "headers": headers, "body": body.decode()})
    nonce = secrets.token_bytes(NONCE_BYTES)
    return (nonce + cipher.encrypt(nonce, plain.encode(), None)).hex()


def _opened(cipher: AESGCM, sealed: str) -> web.Response:
    data = bytes.fromhex(sealed)
    plain = cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], None)
    kept: dict[str, Any] = json.loads(plain)
    headers = kept["headers"] | {"Idempotent-Replayed": "true"}
    return web.Response(status=kept["status"], headers=headers, body=kept["body"].encode())
