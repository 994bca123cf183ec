"""Tokens, as administrators make them and programs use them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.peers.command import Ran, transcriber
from tests.peers.service import service
from tests.peers.test_web import TOKEN

ALL = "/api/v1/tokens"


async def run(*arguments: str, env: dict[str, str]) -> Ran:
    return await asyncio.to_thread(transcriber, *arguments, env=env)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def make(http: aiohttp.ClientSession, **wanted: Any) -> dict[str, Any]:
    async with http.post(ALL, json=wanted, headers=TOKEN) as answer:
        assert answer.status == 201, await answer.text()
        made: dict[str, Any] = await answer.json()
        assert answer.headers["Location"] == f"{ALL}/{made['id']}"
        return made


async def test_a_token_lasts_from_when_it_is_made_until_it_is_revoked() -> None:
    async with service() as (http, _):
        made = await make(http, name="ci", scopes=["rooms:read"])
        mine = bearer(made.pop("token"))
        async with http.get("/api/v1/rooms", headers=mine) as answer:
            assert answer.status == 200
        async with http.post("/api/v1/rooms", json={}, headers=mine) as answer:
            assert answer.status == 403
        async with http.get(ALL, headers=mine) as answer:
            assert answer.status == 403
        async with http.get(f"{ALL}/{made['id']}", headers=TOKEN) as answer:
            assert await answer.json() == made
        async with http.get(ALL, headers=TOKEN) as answer:
            assert (await answer.json())["items"] == [made]
        async with http.delete(f"{ALL}/{made['id']}", headers=TOKEN) as answer:
            assert answer.status == 204
        for asked in (http.delete, http.get):
            async with asked(f"{ALL}/{made['id']}", headers=TOKEN) as answer:
                assert answer.status == 404
        async with http.get("/api/v1/rooms", headers=mine) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        async with asyncio.timeout(30):
            while len(done := await journal(http)) < 4:  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.05)
        assert done == [
            ("settings", "POST", ALL, 201, f"{ALL}/{made['id']}"),
            (made["id"], "POST", "/api/v1/rooms", 403, ""),
            ("settings", "DELETE", f"{ALL}/{{id}}", 204, ""),
            ("settings", "DELETE", f"{ALL}/{{id}}", 404, ""),
        ]


async def journal(http: aiohttp.ClientSession) -> list[tuple[str, str, str, int, str]]:
    """What was done, the oldest first, in pages of two."""
    done: list[tuple[str, str, str, int, str]] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"limit": "2", "cursor": cursor}
        async with http.get("/api/v1/audit", params=params, headers=TOKEN) as answer:
            page = await answer.json()
        for one in page["items"]:
            done.insert(0, (one["who"], one["method"], one["route"], one["status"], one["made"]))
        cursor = page["next_cursor"]
    return done


async def test_a_token_that_is_asked_for_twice_with_one_key_is_one() -> None:
    once = TOKEN | {"Idempotency-Key": "my-first-token"}
    wish = {"name": "ci", "scopes": ["rooms:read"]}
    async with service() as (http, _):
        async with http.post(ALL, json=wish, headers=once) as answer:
            made = await answer.json()
        async with http.post(ALL, json=wish, headers=once) as answer:
            assert (answer.status, await answer.json()) == (201, made)
            assert answer.headers["Idempotent-Replayed"] == "true"
        async with http.post(ALL, json=wish | {"name": "other"}, headers=once) as answer:
            assert answer.status == 422
        async with http.get(ALL, headers=TOKEN) as answer:
            assert [one["id"] for one in (await answer.json())["items"]] == [made["id"]]


WRONG: list[tuple[str, Any]] = [
    ("name", ""),
    ("name", None),
    ("scopes", []),
    ("scopes", ["everything"]),
    ("expires_in", 0),
    ("id", "tok_1"),
]


async def test_what_is_wrong_with_a_wish_is_named() -> None:
    async with service() as (http, _):
        for field, value in WRONG:
            wish = {"name": "ci", "scopes": ["admin"]} | {field: value}
            async with http.post(ALL, json=wish, headers=TOKEN) as answer:
                assert answer.status == 422
                assert (await answer.json())["errors"][0]["loc"][0] == field


async def test_the_command_line_makes_tokens_for_the_running_service(tmp_path: Path) -> None:
    env = {"DATA_DIR": str(tmp_path), "API_TOKEN": ""}
    async with service(env=env) as (http, _):
        ran = await run("tokens", "add", "ci", "--scope", "admin", "--json", env=env)
        assert ran.code == 0
        made = json.loads(ran.out)
        async with http.get(ALL, headers=bearer(made.pop("token"))) as answer:
            (listed,) = (await answer.json())["items"]
        assert (listed["id"], listed["created_by"]) == (made["id"], "command line")
        assert json.loads((await run("tokens", "list", "--json", env=env)).out) == made
        assert "admin" in (await run("tokens", "list", env=env)).out
        ran = await run("tokens", "revoke", made["id"], env=env)
        assert (ran.code, ran.out) == (0, f"{made['id']} is not valid any more\n")
        ran = await run("tokens", "revoke", made["id"], env=env)
        assert ran.code == 1
        assert f"there is no token {made['id']}" in ran.err


@pytest.mark.parametrize(
    "wrong", [["", "--scope", "admin"], ["x", "--scope", "admin", "--days", "0"], ["x"]]
)
async def test_the_command_line_refuses_tokens_that_make_no_sense(
    tmp_path: Path, wrong: list[str]
) -> None:
    ran = await run("tokens", "add", *wrong, env={"DATA_DIR": str(tmp_path)})
    assert ran.code == 2
    assert ran.err
