"""What tokens allow."""

import pytest

from transcriber.web.scopes import ADMIN, SCOPES, allowed


@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_allows_itself_and_an_administrator_everything(scope: str) -> None:
    assert allowed(scope, {scope})
    assert allowed(scope, {ADMIN})


def test_who_may_write_may_read_and_not_the_other_way_round() -> None:
    assert allowed("rooms:read", {"rooms:write"})
    assert not allowed("rooms:write", {"rooms:read"})


@pytest.mark.parametrize(
    "scopes", [set(), {"rooms:read"}, {"webhooks"}, {":write"}, {"admin:write"}]
)
def test_nothing_else_is_allowed(scopes: set[str]) -> None:
    assert not allowed("webhooks:read", scopes)
    assert not allowed("webhooks:write", scopes)


def test_nobody_becomes_an_administrator_by_another_scope() -> None:
    assert not allowed(ADMIN, SCOPES.keys() - {ADMIN})
