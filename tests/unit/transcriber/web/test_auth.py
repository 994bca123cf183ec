"""Who may call."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.problems import ProblemError
from transcriber.web.routes import PUBLIC, token


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
def test_without_the_token_nothing_is_allowed(authorization: str | None, status: int) -> None:
    with pytest.raises(ProblemError) as refusal:
        BearerGuard(AdminToken("s3cret"))(request(authorization), token("rooms:read"))
    assert refusal.value.problem.status == status
    assert "s3cret" not in refusal.value.problem.model_dump_json()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_with_the_token_everything_is(scheme: str) -> None:
    BearerGuard(AdminToken("s3cret"))(request(f"{scheme} s3cret"), token("rooms:read"))


def test_a_service_without_a_token_refuses_all() -> None:
    with pytest.raises(ProblemError):
        BearerGuard(AdminToken(""))(request("Bearer x"), token("rooms:read"))


def test_what_is_public_is_open() -> None:
    BearerGuard(AdminToken(""))(request(None), PUBLIC)
