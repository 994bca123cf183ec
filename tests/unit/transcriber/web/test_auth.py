"""Who may call."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from transcriber.web.auth import AdminToken, BearerGuard
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
        ("Bearer wrong", 403),
        ("Bearer s3cretx", 403),
        ("Bearer s3cre", 403),
        ("Bearer \xe4", 403),
    ],
)
async def test_without_the_token_nothing_is_allowed(authorization: str | None, status: int) -> None:
    with pytest.raises(ProblemError) as refusal:
        await BearerGuard(AdminToken("s3cret"))(request(authorization), "rooms:read")
    assert refusal.value.problem.status == status
    assert "s3cret" not in refusal.value.problem.model_dump_json()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_with_the_token_everything_is(scheme: str) -> None:
    await BearerGuard(AdminToken("s3cret"))(request(f"{scheme} s3cret"), "rooms:read")


async def test_a_service_without_a_token_refuses_all() -> None:
    with pytest.raises(ProblemError):
        await BearerGuard(AdminToken(""))(request("Bearer x"), "rooms:read")


def test_a_route_that_nobody_guards_is_not_served() -> None:
    async def secret(request: web.Request) -> web.Response:
        raise AssertionError("served")

    with pytest.raises(KeyError):
        application([Route("GET", "/x", secret, token("x"), "Nobody guards it")], {})
