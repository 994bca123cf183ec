"""Who may call."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from transcriber.web.auth import CALLER, MEANT, AdminToken, BearerGuard, Caller
from transcriber.web.problems import ProblemError
from transcriber.web.routes import Route, token
from transcriber.web.server import application


def request(authorization: str | None) -> web.Request:
    headers = {} if authorization is None else {"Authorization": authorization}
    return make_mocked_request("GET", "/", headers=headers)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Basic s3cret", 401),
        ("Bearer wrong", 401),
        ("Bearer s3cretx", 401),
        ("Bearer s3cre", 401),
        ("Bearer \xe4", 401),
        ("Bearer " + "s3cret" * 2000, 401),
    ],
)
async def test_without_the_token_nothing_is_allowed(authorization: str | None, status: int) -> None:
    with pytest.raises(ProblemError) as refusal:
        await BearerGuard(AdminToken("s3cret"))(request(authorization), "rooms:read")
    assert refusal.value.problem.status == status
    assert "s3cret" not in refusal.value.problem.model_dump_json()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_with_the_token_everything_is(scheme: str) -> None:
    asked = request(f"{scheme} s3cret")
    await BearerGuard(AdminToken("s3cret"))(asked, "rooms:read")
    assert asked[CALLER].name == "API_TOKEN"


class Known:
    """Knows one token that allows one thing."""

    async def find(self, token: str) -> Caller | None:
        return Caller("tok_1", "ci", frozenset({"rooms:read"})) if token == "mine" else None


async def test_a_token_that_does_not_suffice_is_told_so() -> None:
    guard = BearerGuard(AdminToken("s3cret"), Known())
    await guard(request("Bearer mine"), "rooms:read")
    with pytest.raises(ProblemError) as refusal:
        await guard(request("Bearer mine"), "rooms:write")
    assert refusal.value.problem.status == 403
    assert "rooms:write" in refusal.value.problem.detail


async def test_a_service_without_a_token_refuses_all() -> None:
    with pytest.raises(ProblemError):
        await BearerGuard(AdminToken(""))(request("Bearer x"), "rooms:read")


def test_a_route_that_nobody_guards_is_not_served() -> None:
    async def secret(request: web.Request) -> web.Response:
        raise AssertionError("served")

    with pytest.raises(KeyError):
        application([Route("GET", "/x", secret, token("x"), "Nobody guards it")], {})


async def test_a_token_that_is_no_text_is_nobody() -> None:
    assert await AdminToken("s3cret").find("s3cret\udce4") is None


class Browser:
    """Knows who has signed in."""

    async def visitor(self, request: web.Request) -> Caller | None:
        signed = "yes" in request.headers.get("Cookie", "")
        return Caller("oidc/ann", "Ann", frozenset({"admin"})) if signed else None


def visit(method: str, **headers: str) -> web.Request:
    return make_mocked_request(method, "/", headers={"Cookie": "in=yes"} | headers)


async def test_who_has_signed_in_needs_no_token_but_must_mean_what_they_change() -> None:
    guard = BearerGuard(AdminToken("s3cret"), visitors=[Browser()])
    for asked in (visit("GET"), visit("POST", **{MEANT: "console"})):
        await guard(asked, "rooms:write")
        assert asked[CALLER].name == "Ann"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        with pytest.raises(ProblemError) as refusal:
            await guard(visit(method), "rooms:write")
        assert refusal.value.problem.type == "not-meant"


async def test_a_wrong_token_is_wrong_whoever_has_signed_in() -> None:
    guard = BearerGuard(AdminToken("s3cret"), visitors=[Browser()])
    with pytest.raises(ProblemError) as refusal:
        await guard(visit("GET", Authorization="Bearer wrong"), "rooms:read")
    assert refusal.value.problem.type == "invalid-token"
    with pytest.raises(ProblemError):
        await guard(make_mocked_request("GET", "/"), "rooms:read")
