"""What administrators and programs do is noted, and can be looked up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.fakes.store import MemoryStore
from transcriber.store import Entry, StoreFailed
from transcriber.web.audit import DAY, Action, Audit, Journal
from transcriber.web.auth import AdminToken, BearerGuard, Caller
from transcriber.web.problems import ProblemError
from transcriber.web.routes import APPAPI, PUBLIC, Auth, Route, room, token

GUARD = BearerGuard(AdminToken("s3cret"))
ADMIN = token("x:write")


class Shaky(MemoryStore):
    """Fails as often as it is told to."""

    failures = 0

    async def append(self, *entries: Entry) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise StoreFailed("away")
        await super().append(*entries)


class Office:
    """A journal, and requests that it sees."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.store = Shaky()
        self.journal = Journal(self.store, now=lambda: self.now)
        self.audit = Audit(self.journal)
        self.trouble: BaseException | None = None

    async def work(self, request: web.Request) -> web.StreamResponse:
        if self.trouble:
            raise self.trouble
        return web.Response(status=201, headers={"Location": "/api/v1/x/x_1"})

    async def do(
        self,
        auth: Auth = ADMIN,
        *,
        bearer: str = "s3cret",
        method: Literal["GET", "POST", "PUT"] = "POST",
        path: str = "/api/v1/x",
    ) -> None:
        asked = Route(method, path, self.work, auth, "X")

        async def guarded(request: web.Request) -> web.StreamResponse:
            if auth.kind == "token":
                await GUARD(request, auth.scope)
            return await self.work(request)

        headers = {"Authorization": f"Bearer {bearer}"}
        await self.audit.outside(asked, guarded)(
            make_mocked_request(asked.method, asked.path, headers=headers)
        )

    async def actions(self) -> list[Action]:
        await asyncio.sleep(1)
        return await self.journal.page(limit=100)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    office = Office()
    async with office.audit:
        yield office


async def test_what_is_done_is_noted_with_who_and_what_came_of_it(office: Office) -> None:
    await office.do(path="/api/v1/x")
    (action,) = await office.actions()
    assert action.id.startswith("act_")
    assert (action.who, action.name, action.method, action.route, action.status, action.made) == (
        "settings", "API_TOKEN", "POST", "/api/v1/x", 201, "/api/v1/x/x_1",
    )  # fmt: skip
    assert action.at.timestamp() == office.now


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (ProblemError(409, "taken", "it is taken"), 409),
        (StoreFailed("away"), 503),
        (web.HTTPRequestEntityTooLarge(1, 2), 413),
        (RuntimeError("a mistake"), 500),
        (asyncio.CancelledError(), 499),
    ],
)
async def test_what_failed_is_noted_too(
    office: Office, trouble: BaseException, status: int
) -> None:
    office.trouble = trouble
    with pytest.raises(type(trouble)):
        await office.do()
    assert [action.status for action in await office.actions()] == [status]


async def test_nobody_knows_who_showed_a_wrong_token(office: Office) -> None:
    with pytest.raises(ProblemError):
        await office.do(bearer="wrong")
    assert await office.actions() == []


@pytest.mark.parametrize(
    ("auth", "method", "path"),
    [
        (ADMIN, "GET", "/api/v1/x"),
        (PUBLIC, "POST", "/api/v1/open"),
        (room("join"), "POST", "/api/v1/rooms/r/join"),
        (APPAPI, "POST", "/api/v1/call/transcribe"),
    ],
)
async def test_who_looks_or_acts_for_themselves_is_not_noted(
    office: Office, auth: Auth, method: Literal["GET", "POST"], path: str
) -> None:
    await office.do(auth, method=method, path=path)
    assert await office.actions() == []


async def test_nextcloud_is_noted_when_it_turns_us_on(office: Office) -> None:
    await office.do(APPAPI, method="PUT", path="/enabled")
    (action,) = await office.actions()
    assert (action.who, action.route) == ("nextcloud", "/enabled")


async def test_whoever_may_not_is_noted(office: Office) -> None:
    class Somebody(AdminToken):
        async def find(self, token: str) -> Caller | None:
            return Caller("tok_1", "Dashboard", frozenset({"x:read"}))

    async def guarded(request: web.Request) -> web.StreamResponse:
        await BearerGuard(Somebody("s3cret"))(request, "x:write")
        return await office.work(request)

    route = Route("POST", "/api/v1/x", office.work, ADMIN, "X")
    request = make_mocked_request("POST", "/x", headers={"Authorization": "Bearer s3cret"})
    with pytest.raises(ProblemError):
        await office.audit.outside(route, guarded)(request)
    assert [(one.name, one.status) for one in await office.actions()] == [("Dashboard", 403)]


async def test_the_newest_come_first_and_in_pages(office: Office) -> None:
    for number in range(5):
        office.now += 1
        await office.do(path=f"/api/v1/{number}")
    newest = await office.actions()
    assert [action.route[-1] for action in newest] == ["4", "3", "2", "1", "0"]
    older = await office.journal.page(before=newest[1].id, limit=2)
    assert [action.route[-1] for action in older] == ["2", "1"]


async def test_what_the_store_cannot_take_now_it_takes_later(office: Office) -> None:
    office.store.failures = 3
    await office.do()
    await office.do()
    await asyncio.sleep(10)
    assert len(await office.actions()) == 2


async def test_what_waits_is_kept_at_the_end() -> None:
    office = Office()
    async with office.audit:
        await office.do()
    assert len(await office.actions()) == 1


async def test_what_is_personal_is_kept_under_names_that_say_so(office: Office) -> None:
    await office.do()
    await office.actions()
    (entry,) = await office.store.read("audit")
    assert {key for key in entry.value if not key.startswith("pii_")} == {
        "at", "method", "route", "status", "request_id",
    }  # fmt: skip


async def test_old_actions_are_forgotten(office: Office) -> None:
    await office.do()
    (action,) = await office.actions()
    made = int(action.id.removeprefix("act_")[:12], 16) / 1000
    office.now = made + 10 * DAY
    assert await office.journal.forget(11) == 0
    assert await office.journal.forget(9) == 1
