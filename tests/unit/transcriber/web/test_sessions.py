"""Who has signed in stays so for a while."""

from __future__ import annotations

from http.cookies import SimpleCookie

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.fakes.store import MemoryStore
from transcriber.web.auth import Caller
from transcriber.web.sessions import LONG, Place, SessionApi, Sessions

ANN = Caller("oidc/ann", "Ann", frozenset({"rooms:read", "events:read"}))


class Desk:
    """Sessions, a browser, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.store = MemoryStore(now=lambda: self.now)
        self.sessions = Sessions(self.store, Place("/captions/"), now=lambda: self.now)
        self.cookies: SimpleCookie = SimpleCookie()

    def request(self) -> web.Request:
        sent = "; ".join(f"{name}={kept.value}" for name, kept in self.cookies.items())
        return make_mocked_request("GET", "/", headers={"Cookie": sent})

    async def enter(self) -> None:
        answer = web.Response()
        await self.sessions.begin(answer, ANN)
        self.cookies = answer.cookies

    async def who(self) -> Caller | None:
        return await self.sessions.visitor(self.request())


async def test_a_session_lasts_a_working_day() -> None:
    desk = Desk()
    assert await desk.who() is None
    await desk.enter()
    assert await desk.who() == ANN
    desk.now = LONG - 1
    assert await desk.who() == ANN
    desk.now = LONG
    assert await desk.who() is None


async def test_no_script_and_no_other_site_has_its_cookie_and_the_store_has_no_secret() -> None:
    desk = Desk()
    await desk.enter()
    ((_, cookie),) = desk.cookies.items()
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"], cookie["path"]) == (
        True, "Strict", True, "/captions/",
    )  # fmt: skip
    (kept,) = await desk.store.records("session")
    assert cookie.value not in kept.key + str(kept.value)


async def test_one_that_is_made_up_is_none() -> None:
    desk = Desk()
    await desk.enter()
    for made_up in ("", "x", "x" * 1000, "ü"):
        desk.cookies["transcriber_session"] = made_up
        assert await desk.who() is None


async def test_who_signs_out_is_out_wherever_the_cookie_is() -> None:
    desk = Desk()
    await desk.enter()
    get, end = SessionApi(desk.sessions, desk.sessions.visitor, provider=True).routes()
    session = await get.handler(desk.request())
    assert repr(session) == "Session(name='Ann', provider=True)"
    answer = await end.handler(desk.request())
    assert isinstance(answer, web.Response)
    assert answer.cookies["transcriber_session"]["max-age"] == "0"
    assert await desk.who() is None
    assert repr(await get.handler(desk.request())) == "Session(name='', provider=True)"
    await end.handler(make_mocked_request("DELETE", "/"))
