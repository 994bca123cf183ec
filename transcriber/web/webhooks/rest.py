"""The routes about webhooks, on any store that keeps them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from transcriber.web.paging import Items, Page, paged
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Handler, Route, body, query, token
from transcriber.web.webhooks.models import (
    AttemptShown,
    Count,
    Deliveries,
    DeliveryShown,
    Kept,
    New,
    Replay,
    Rotation,
    Shown,
    WithSecret,
    trial,
)
from webhooks import Endpoint, Store, new_secret
from webhooks.errors import Conflict, StoreError, Unknown
from webhooks.models import State

__all__ = ["WebhookApi"]

READ, WRITE = token("webhooks:read"), token("webhooks:write")
FIELDS = {"event_types": "types", "rooms": "channels", "is_active": "active"}
"""What the API calls otherwise than the library does."""
ETAG = re.compile(r'(?:W/)?"?(\d{1,9})"?')


class WebhookApi:
    """Lets people say who is told of what."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    def routes(self) -> list[Route]:
        """What may be called."""
        all_, one = "/api/v1/webhooks", "/api/v1/webhooks/{id}"
        plain = [
            Route("POST", all_, self._create, WRITE, "Tell somebody", New, WithSecret, 201),
            Route("GET", all_, self._list, READ, "Who is told", None, Items[Shown], query=Page),
            Route("GET", one, self._get, READ, "One webhook", None, Shown),
            Route("PUT", one, self._change, WRITE, "Change a webhook", Kept, Shown),
            Route("PATCH", one, self._change, WRITE, "Change a webhook", Kept, Shown),
            Route("DELETE", one, self._delete, WRITE, "Forget a webhook", status=204),
            Route("POST", f"{one}/rotate-secret", self._rotate, WRITE, "A new secret", Rotation,
                  WithSecret),
            Route("POST", f"{one}/test", self._test, WRITE, "Send a test event", None, Shown, 202),
            Route("POST", f"{one}/replay", self._replay, WRITE, "Send again", Replay, Count, 202),
            Route("GET", f"{one}/deliveries", self._deliveries, READ, "What is on its way", None,
                  Items[DeliveryShown], query=Deliveries),
            Route("GET", f"{one}/dead-letters", self._dead, READ, "What could not be delivered",
                  None, Items[DeliveryShown], query=Page),
            Route("GET", f"{one}/attempts", self._attempts, READ, "Every try", None,
                  Items[AttemptShown], query=Page),
        ]  # fmt: skip
        return [replace(route, handler=self._told(route.handler)) for route in plain]

    def _told(self, handler: Handler) -> Handler:
        """Say in HTTP what the library says."""

        async def told(request: web.Request) -> web.StreamResponse | BaseModel | None:
            try:
                return await handler(request)
            except Unknown as error:
                raise ProblemError(404, "no-webhook", f"there is no webhook {error}") from error
            except Conflict as error:
                raise ProblemError(409, "changed", f"{error}; read it again") from error
            except StoreError as error:
                raise ProblemError(503, "store", str(error), retry_after=5) from error

        return told

    async def _create(self, request: web.Request) -> web.StreamResponse:
        kept = await self._store.save(body(request, New).endpoint(), now=self._now())
        made = WithSecret.made(kept, self._now())
        headers = {"Location": f"/api/v1/webhooks/{kept.id}"}
        return web.json_response(text=made.model_dump_json(), status=201, headers=headers)

    async def _list(self, request: web.Request) -> Items[Shown]:
        page = query(request, Page)
        rows = await self._store.endpoints(limit=page.limit + 1, after=page.cursor)
        now = self._now()
        return paged(rows, page.limit, lambda row: Shown.of(row, now), lambda row: row.id)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return self._shown(await self._store.endpoint(request.match_info["id"]))

    async def _change(self, request: web.Request) -> web.StreamResponse:
        given = body(request, Kept).model_dump(exclude_none=True)
        known = await self._store.endpoint(request.match_info["id"])
        changes: dict[str, Any] = {FIELDS.get(n, n): _frozen(v) for n, v in given.items()}
        if changes.get("active"):
            changes["disabled_because"] = ""
        version = _seen(request) or known.version
        changed = replace(known, **changes, version=version)
        return self._shown(await self._store.save(changed, now=self._now()))

    async def _delete(self, request: web.Request) -> None:
        await self._store.delete((await self._store.endpoint(request.match_info["id"])).id)

    async def _rotate(self, request: web.Request) -> WithSecret:
        grace, now = body(request, Rotation).grace, self._now()
        known = await self._store.endpoint(request.match_info["id"])
        secrets = known.rotated(new_secret(), now=now, grace=grace)
        kept = await self._store.save(replace(known, secrets=secrets), now=now)
        return WithSecret.made(kept, now)

    async def _test(self, request: web.Request) -> Shown:
        known = await self._store.endpoint(request.match_info["id"])
        await self._store.add_for(known.id, trial(known.id), now=self._now())
        return Shown.of(known, self._now())

    async def _replay(self, request: web.Request) -> Count:
        wanted = body(request, Replay)
        known = await self._store.endpoint(request.match_info["id"])
        count = await self._store.replay(
            known.id,
            now=self._now(),
            delivery_id=wanted.delivery_id,
            since=wanted.since.timestamp() if wanted.since else 0.0,
            delivered=wanted.delivered,
        )
        if wanted.delivery_id is not None and not count:
            raise ProblemError(404, "no-delivery", f"there is no delivery {wanted.delivery_id}")
        return Count(count=count)

    async def _deliveries(self, request: web.Request) -> Items[DeliveryShown]:
        wanted = query(request, Deliveries)
        return await self._some(request, wanted, wanted.state)

    async def _dead(self, request: web.Request) -> Items[DeliveryShown]:
        return await self._some(request, query(request, Page), "dead")

    async def _some(
        self, request: web.Request, page: Page, state: State | None
    ) -> Items[DeliveryShown]:
        known = await self._store.endpoint(request.match_info["id"])
        rows = await self._store.deliveries(
            known.id, state=state, limit=page.limit + 1, before=_before(page)
        )
        return paged(rows, page.limit, DeliveryShown.of, lambda row: row.id)

    async def _attempts(self, request: web.Request) -> Items[AttemptShown]:
        page = query(request, Page)
        known = await self._store.endpoint(request.match_info["id"])
        rows = await self._store.attempts(known.id, limit=page.limit + 1, before=_before(page))
        return paged(rows, page.limit, AttemptShown.of, lambda row: row.id)

    def _shown(self, endpoint: Endpoint) -> web.StreamResponse:
        shown = Shown.of(endpoint, self._now()).model_dump_json()
        return web.json_response(text=shown, headers={"ETag": f'"{endpoint.version}"'})


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _seen(request: web.Request) -> int:
    """The version that the caller wants to change, if they say one."""
    given = request.headers.get("If-Match", "").strip()
    if given in ("", "*"):
        return 0
    if not (tag := ETAG.fullmatch(given)) or not int(tag[1]):
        raise ProblemError(409, "changed", "If-Match names no version; read the webhook again")
    return int(tag[1])


def _before(page: Page) -> int | None:
    if not page.cursor:
        return None
    if not page.cursor.isdecimal() or len(page.cursor) > 18:
        raise ProblemError(422, "invalid-address", "the cursor is not one that was given out")
    return int(page.cursor)
