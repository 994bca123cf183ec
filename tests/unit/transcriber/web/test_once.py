"""What is asked for twice with one key is done once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.fakes.store import MemoryStore
from transcriber.web.auth import CALLER, Caller
from transcriber.web.once import KEPT, WORKING, Once
from transcriber.web.problems import ProblemError
from transcriber.web.routes import PUBLIC, Route, token


class Kitchen:
    """Makes something for whoever asks, and a clock."""

    def __init__(self) -> None:
        self.now, self.made, self.trouble, self.slow = 0.0, 0, False, 0.0
        self.store = MemoryStore(now=lambda: self.now)
        route = Route("POST", "/x", self.cook, token("x:write"), "Cook")
        self.once = Once(self.store, now=lambda: self.now)
        self.serve = self.once.inside(route, self.cook)

    async def cook(self, request: web.Request) -> web.StreamResponse:
        if self.trouble:
            raise ProblemError(503, "cold", "the oven is cold")
        await asyncio.sleep(self.slow)
        self.made += 1
        headers = {"Location": f"/x/{self.made}"}
        return web.json_response({"secret": f"sauce {self.made}"}, status=201, headers=headers)

    async def ask(
        self, key: str | None, body: bytes = b"{}", *, who: str = "ann"
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer of-{who}"} | ({"Idempotency-Key": key} if key else {})
        request = make_mocked_request("POST", "/x", headers=headers)
        request._read_bytes = body
        request[CALLER] = Caller(who, who, frozenset({"x:write"}))
        try:
            answer = await self.serve(request)
        except ProblemError as refusal:
            return refusal.problem.status, refusal.problem.type
        assert isinstance(answer, web.Response)
        return answer.status, answer


async def test_the_second_gets_the_answer_of_the_first() -> None:
    kitchen = Kitchen()
    _, first = await kitchen.ask("k1")
    status, again = await kitchen.ask("k1")
    assert (status, again.text, kitchen.made) == (201, first.text, 1)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.content_type == "application/json"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_without_a_key_with_another_or_from_somebody_else_it_is_done_again() -> None:
    kitchen = Kitchen()
    for key, who in ((None, "ann"), (None, "ann"), ("k1", "ann"), ("k2", "ann"), ("k1", "bob")):
        await kitchen.ask(key, who=who)
    assert kitchen.made == 5


async def test_a_key_is_for_one_request_alone() -> None:
    kitchen = Kitchen()
    await kitchen.ask("k1", b'{"a": 1}')
    assert await kitchen.ask("k1", b'{"a": 2}') == (422, "key-reused")


async def test_what_failed_may_be_tried_again_with_the_same_key() -> None:
    kitchen = Kitchen()
    kitchen.trouble = True
    assert await kitchen.ask("k1") == (503, "cold")
    kitchen.trouble = False
    assert (await kitchen.ask("k1"))[0] == 201


async def test_while_the_first_goes_on_the_second_waits_unless_who_answers_has_died() -> None:
    kitchen = Kitchen()
    await kitchen.ask("k1")
    (record,) = await kitchen.store.records("answer")
    claim = {"request": record.value["request"]}
    await kitchen.store.put("answer", record.key, claim, expires=WORKING)
    assert await kitchen.ask("k1") == (409, "in-progress")
    kitchen.now = WORKING
    assert (await kitchen.ask("k1"))[0] == 201


async def test_who_hangs_up_and_asks_again_gets_what_was_made_meanwhile() -> None:
    kitchen = Kitchen()
    kitchen.slow = 5.0
    async with kitchen.once:
        asking = asyncio.create_task(kitchen.ask("k1"))
        await asyncio.sleep(1)
        asking.cancel()
        await asyncio.wait([asking])
        assert await kitchen.ask("k1") == (409, "in-progress")
    assert (await kitchen.ask("k1"))[0] == 201
    assert kitchen.made == 1


async def test_what_takes_too_long_at_the_end_is_given_up() -> None:
    kitchen = Kitchen()
    kitchen.slow = 500.0
    async with kitchen.once:
        asking = asyncio.create_task(kitchen.ask("k1"))
        await asyncio.sleep(1)
    await asyncio.wait([asking])
    assert asking.cancelled()
    assert (kitchen.made, await kitchen.store.records("answer")) == (0, [])


async def test_after_a_day_it_is_forgotten() -> None:
    kitchen = Kitchen()
    await kitchen.ask("k1")
    kitchen.now = KEPT
    await kitchen.ask("k1")
    assert kitchen.made == 2


async def test_secrets_in_answers_cannot_be_read_in_the_store() -> None:
    kitchen = Kitchen()
    await kitchen.ask("k1")
    (record,) = await kitchen.store.records("answer")
    assert "sauce" not in str(record.value)
    assert b"sauce" not in bytes.fromhex(record.value["sealed"])


@pytest.mark.parametrize("key", [" ", "k 1", "k" * 256, "ä"])
async def test_a_key_that_is_none_is_refused(key: str) -> None:
    assert await Kitchen().ask(key) == (422, "invalid-header")


def test_other_routes_are_left_alone() -> None:
    kitchen = Kitchen()
    once = Once(kitchen.store)
    for route in (
        Route("GET", "/x", kitchen.cook, token("x:read"), "Look"),
        Route("POST", "/x", kitchen.cook, PUBLIC, "Cook"),
    ):
        assert once.inside(route, kitchen.cook) == kitchen.cook
