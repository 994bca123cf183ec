"""Who comes too often is asked to come later."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from transcriber.web.address import Proxies
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.door import Door, origin
from transcriber.web.problems import ProblemError
from transcriber.web.routes import APPAPI, PUBLIC, Auth, Route, room, token

GUARD = BearerGuard(AdminToken("s3cret"))
RIGHT, WRONG = "Bearer s3cret", "Bearer wrong"


class Place:
    """A door before one route, and a clock."""

    def __init__(self, auth: Auth, path: str = "/api/v1/x", *, rate: float = 2) -> None:
        self.now = 0.0
        self.seen: list[str] = []
        door = Door(rate, Proxies(["10.0.0.0/8"]), now=lambda: self.now)
        route = Route("GET", path, self._handle, auth, "Something")

        async def served(request: web.Request) -> web.StreamResponse:
            return await door.inside(route, self._handle)(request)

        async def guarded(request: web.Request) -> web.StreamResponse:
            if auth.kind == "token":
                await GUARD(request, auth.scope)
            return await served(request)

        self.serve = door.outside(route, guarded)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(origin(request))
        return web.Response()

    async def ask(self, authorization: str = "", **headers: str) -> int:
        asked = make_mocked_request(
            "GET", "/api/v1/x", headers={"Authorization": authorization} | headers
        )
        try:
            return (await self.serve(asked)).status
        except ProblemError as refusal:
            self.retry_after = refusal.headers.get("Retry-After")
            return refusal.problem.status


async def test_a_token_may_come_so_often_and_is_told_when_to_come_back() -> None:
    place = Place(token("x:read"))
    assert [await place.ask(RIGHT) for _ in range(21)] == [200] * 20 + [429]
    assert place.retry_after == "1"
    place.now = 0.5
    assert [await place.ask(RIGHT) for _ in range(2)] == [200, 429]


async def test_nobody_can_try_many_tokens() -> None:
    place = Place(token("x:read"), rate=10)
    assert [await place.ask(WRONG) for _ in range(6)] == [401] * 5 + [429]
    assert await place.ask(RIGHT) == 429, "an address that guesses is not listened to"
    place.now = 0.1
    assert await place.ask(RIGHT) == 200


@pytest.mark.parametrize("auth", [PUBLIC, room("join")])
async def test_whoever_shows_no_token_of_ours_is_counted_by_their_address(auth: Auth) -> None:
    place = Place(auth)
    assert [await place.ask() for _ in range(21)] == [200] * 20 + [429]


@pytest.mark.parametrize(
    ("auth", "path"), [(PUBLIC, "/assets/x.js"), (PUBLIC, "/health"), (APPAPI, "/api/v1/x")]
)
async def test_pages_and_our_nextcloud_are_not_counted(auth: Auth, path: str) -> None:
    place = Place(auth, path, rate=0.1)
    assert {await place.ask() for _ in range(50)} == {200}


async def test_what_a_process_of_ours_passes_on_counts_where_it_came_from() -> None:
    place = Place(PUBLIC, rate=0.1)
    assert await place.ask(**{"X-Forwarded-For": "192.0.2.1, 10.0.0.7"}) == 200
    assert await place.ask(**{"X-Forwarded-For": "192.0.2.1"}) == 429
    assert await place.ask(**{"X-Forwarded-For": "192.0.2.2"}) == 200
    assert place.seen == ["192.0.2.1", "192.0.2.2"]
