"""Who may call."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from transcriber.web.auth import CALLER, AdminToken, BearerGuard, Caller
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
