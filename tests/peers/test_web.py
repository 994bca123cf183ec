"""The HTTP side, over real sockets."""

from __future__ import annotations

import asyncio
import io
import signal
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from pydantic import BaseModel, Field
from structlog.testing import capture_logs

from tests.peers.service import service
from transcriber.errors import BadInput, Misconfigured, Overloaded
from transcriber.telemetry import METRICS
from transcriber.web import health
from transcriber.web.address import Proxies
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.door import Door
from transcriber.web.problems import ProblemError
from transcriber.web.routes import BODY, PUBLIC, Route, token
from transcriber.web.server import MAX_BODY, application, listen

TOKEN = {"Authorization": "Bearer s3cret"}


class Order(BaseModel):
    """What somebody wants."""

    dish: str
    plates: int = Field(ge=1)


async def order(request: web.Request) -> BaseModel:
    return request[BODY]


async def fail(request: web.Request) -> BaseModel:
    match request.match_info["how"]:
        case "input":
            raise BadInput("the soup is cold", remedy="warm it")
        case "full":
            raise Overloaded("no table is free")
        case "problem":
            raise ProblemError(409, "taken", "somebody sits there", retry_after=7)
        case "moved":
            raise web.HTTPFound("/health")
        case _:
            raise RuntimeError("the cook's secret")


ROUTES = [
    Route("POST", "/orders", order, token("orders:write"), "Order", request=Order, status=201),
    Route("GET", "/fail/{how}", fail, PUBLIC, "Fail"),
]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    reasons = iter(["still loading"])

    async def unready() -> str:
        return next(reasons, "")

    routes = health.routes(unready=unready, metrics=METRICS.registry)
    door = Door(3, Proxies())
    app = application(
        [*ROUTES, *routes],
        {"token": BearerGuard(AdminToken("s3cret"))},
        outside=[door.outside],
        inside=[door.inside],
    )
    async with listen(app, "127.0.0.1", 0) as url, aiohttp.ClientSession(url) as session:
        yield session


async def test_it_is_alive_and_becomes_ready(http: aiohttp.ClientSession) -> None:
    async with http.get("/health") as answer:
        assert await answer.json() == {"status": "ok"}
    async with http.get("/ready") as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "5"
        assert (await answer.json())["detail"] == "still loading"
    async with http.get("/ready") as answer:
        assert answer.status == 200


async def test_metrics_are_for_those_who_may_see_them(http: aiohttp.ClientSession) -> None:
    async with http.get("/metrics") as answer:
        assert answer.status == 401
    async with http.get("/metrics", headers=TOKEN) as answer:
        assert 'route="/metrics",status="401"' in await answer.text()


async def test_a_body_is_checked_and_its_wrong_fields_named(http: aiohttp.ClientSession) -> None:
    good = {"dish": "soup", "plates": 2}
    async with http.post("/orders", json=good, headers=TOKEN) as answer:
        assert (answer.status, await answer.json()) == (201, good)
    async with http.post("/orders", json={"plates": 0}, headers=TOKEN) as answer:
        problem = await answer.json()
    assert (problem["status"], problem["type"]) == (422, "invalid-body")
    assert [error["loc"] for error in problem["errors"]] == [["dish"], ["plates"]]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"dish": NaN}'])
async def test_garbage_is_a_clear_error(http: aiohttp.ClientSession, body: bytes) -> None:
    async with http.post("/orders", data=body, headers=TOKEN) as answer:
        assert answer.status == 422
        assert answer.content_type == "application/problem+json"


async def test_too_large_a_body_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.post("/orders", data=io.BytesIO(bytes(MAX_BODY + 1)), headers=TOKEN) as answer:
        assert answer.status == 413


async def test_who_asks_too_often_is_told_when_to_come_back(http: aiohttp.ClientSession) -> None:
    order, statuses = {"dish": "soup", "plates": 1}, []
    while 429 not in statuses:
        async with http.post("/orders", json=order, headers=TOKEN) as answer:
            statuses.append(answer.status)
    assert statuses.count(201) >= 29
    assert (answer.headers["Retry-After"], answer.content_type) == ("1", "application/problem+json")


async def test_nothing_is_done_without_the_token(http: aiohttp.ClientSession) -> None:
    async with http.post("/orders", data=b"{") as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    ("how", "status", "type_", "detail"),
    [
        ("input", 400, "bad-input", "the soup is cold; warm it"),
        ("full", 503, "overloaded", "no table is free"),
        ("problem", 409, "taken", "somebody sits there"),
        ("crash", 500, "internal", "something went wrong; it has been logged"),
    ],
)
async def test_errors_have_one_form(
    http: aiohttp.ClientSession, how: str, status: int, type_: str, detail: str
) -> None:
    with capture_logs() as logs:
        async with http.get(f"/fail/{how}") as answer:
            problem = await answer.json()
    assert (answer.status, problem["status"]) == (status, status)
    assert (problem["type"], problem["detail"]) == (type_, detail)
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert len(logs) == (how == "crash")


async def test_unknown_paths_and_methods_are_problems_too(http: aiohttp.ClientSession) -> None:
    async with http.get("/nowhere") as answer:
        assert (await answer.json())["type"] == "not-found"
    async with http.delete("/health") as answer:
        assert (await answer.json())["type"] == "method-not-allowed"


async def test_a_redirect_stays_one(http: aiohttp.ClientSession) -> None:
    async with http.get("/fail/moved", allow_redirects=False) as answer:
        assert answer.status == 302


async def test_a_caller_may_name_the_request_sensibly(http: aiohttp.ClientSession) -> None:
    async with http.get("/health", headers={"X-Request-Id": "abc-1"}) as answer:
        assert answer.headers["X-Request-Id"] == "abc-1"
    async with http.get("/health", headers={"X-Request-Id": "<script>"}) as answer:
        assert answer.headers["X-Request-Id"].startswith("req_")


async def test_every_answer_carries_the_headers_of_a_careful_server(
    http: aiohttp.ClientSession,
) -> None:
    for path in ("/health", "/nowhere", "/fail/crash"):
        async with http.get(path) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_an_address_in_use_or_not_ours_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=rf"HTTP_PORT: {port} is in use"):
            async with listen(application([], {}), "127.0.0.1", port):
                pass
    with pytest.raises(Misconfigured, match="HTTP_HOST"):
        async with listen(application([], {}), "192.0.2.77", 0):
            pass


@pytest.mark.parametrize("ask", [signal.SIGTERM, signal.SIGINT])
async def test_the_service_starts_answers_and_stops_when_asked(ask: signal.Signals) -> None:
    async with service(ask=ask) as (http, logged):
        async with http.get("/ready") as answer:
            assert answer.status == 200
        async with http.get("/metrics", headers=TOKEN) as answer:
            assert "transcriber_calls 0.0" in await answer.text()
    assert logged == ["started", "stopping"]


async def test_the_service_starts_and_stops_with_workers() -> None:
    async with service(env={"WORKERS": "2"}) as (http, logged):
        await asyncio.sleep(4)
        async with http.get("/metrics", headers=TOKEN) as answer:
            assert "transcriber_calls 0.0" in await answer.text()
    assert logged == ["started", "stopping"]


async def test_without_memory_no_room_is_made_and_whoever_wants_one_is_told_why() -> None:
    env = {"MIN_FREE_MEMORY_MB": "999999999", "ROOMS_OPEN": "true", "LOCAL_MODEL_DIR": "/nowhere"}
    async with service(env=env) as (http, _):
        for path in ("/api/v1/rooms", "/api/v1/open/rooms"):
            async with http.post(path, json={}, headers=TOKEN) as answer:
                assert answer.status == 503
                assert "MB of memory are free; try again" in (await answer.json())["detail"]


async def test_without_a_recogniser_the_service_starts_and_says_what_is_missing() -> None:
    async with service(env={"LOCAL_MODEL_DIR": "/nowhere"}) as (http, logged):
        async with http.get("/health") as answer:
            assert answer.status == 200
        async with http.get("/ready") as answer:
            assert answer.status == 503
            assert "LOCAL_MODEL_DIR" in (await answer.json())["detail"]
    assert logged == ["recogniser is not usable", "started", "stopping"]
