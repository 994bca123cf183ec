from __future__ import annotations

import pytest

from modal_app.auth import Access

BOTH = Access(token="wk-token", key="wk-key", secret="ws-secret")


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"Authorization": "Bearer wk-token"}, {}),
        ({"Authorization": "bearer wk-token"}, {}),
        ({"Modal-Key": "wk-key", "Modal-Secret": "ws-secret"}, {}),
        ({"kyutai-api-key": "wk-token"}, {}),
        ({}, {"auth_id": "wk-token"}),
    ],
)
def test_the_secret_opens_in_whichever_way_it_comes(
    headers: dict[str, str], query: dict[str, str]
) -> None:
    assert BOTH.allows(headers, query)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, {}),
        ({"Authorization": "Bearer other"}, {}),
        ({"Authorization": "Basic wk-token"}, {}),
        ({"Authorization": "Bearer "}, {}),
        ({"Modal-Key": "wk-key"}, {}),
        ({"Modal-Key": "wk-key", "Modal-Secret": "wk-key"}, {}),
        ({"Modal-Secret": "ws-secret"}, {}),
        ({"kyutai-api-key": "wrong"}, {"auth_id": "wk-token"}),
        ({}, {"auth_id": "wk-tokeñ"}),
    ],
)
def test_anything_else_does_not(headers: dict[str, str], query: dict[str, str]) -> None:
    assert not BOTH.allows(headers, query)


def test_a_secret_that_is_not_set_is_not_the_empty_one() -> None:
    only_pair = Access(key="k", secret="s")

    assert not only_pair.allows({"Authorization": "Bearer "}, {"auth_id": ""})
    assert not Access(token="t").allows({"Modal-Key": "", "Modal-Secret": ""}, {})


def test_without_any_secret_the_door_is_open() -> None:
    assert Access().open
    assert Access(key="half").open
    assert Access().allows({}, {})
    assert not BOTH.open
