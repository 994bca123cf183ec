"""Webhooks over HTTP: made, changed, tried, delivered and sent again, as their owners do it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.peers.service import service
from tests.peers.test_events_api import PATH as EVENTS
from tests.peers.test_events_api import next_event
from tests.peers.test_web import TOKEN
from tests.unit.transcriber.session.talks import DESK
from transcriber.events import CallStarted, Started
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.server import application, listen
from transcriber.web.webhooks import WebhookApi
from webhooks import Message, Store, open_store, verify

ALL = "/api/v1/webhooks"
URL = "https://example.com/hook"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(f"sqlite:///{tmp_path}/webhooks.db") as store:
        yield store


@pytest.fixture
async def http(store: Store) -> AsyncIterator[aiohttp.ClientSession]:
    app = application(WebhookApi(store).routes(), {"token": BearerGuard(AdminToken("s3cret"))})
    async with listen(app, "127.0.0.1", 0) as url, aiohttp.ClientSession(url, headers=TOKEN) as it:
        yield it


async def make(http: aiohttp.ClientSession, **fields: Any) -> dict[str, Any]:
    async with http.post(ALL, json={"url": URL, **fields}) as answer:
        assert answer.status == 201
        made: dict[str, Any] = await answer.json()
        assert answer.headers["Location"] == f"{ALL}/{made['id']}"
        return made


async def test_the_secret_is_shown_once(http: aiohttp.ClientSession) -> None:
    made = await make(http, name="mine", event_types=["speech.*"], rooms=["abcd"])
    assert made["secret"].startswith("whsec_")
    async with http.get(f"{ALL}/{made['id']}") as answer:
        shown = await answer.json()
        assert answer.headers["ETag"] == '"1"'
    del made["secret"]
    assert shown == made
    assert shown["event_types"] == ["speech.*"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "ftp://x"}, "url"),
        ({"url": "https://user@example.com/"}, "url"),
        ({"event_types": []}, "event_types"),
        ({"event_types": ["*.final"]}, "event_types"),
        ({"max_rps": 0}, "max_rps"),
        ({"secret": "mine"}, "secret"),
    ],
)
async def test_what_is_wrong_is_named(
    http: aiohttp.ClientSession, wrong: dict[str, Any], field: str
) -> None:
    async with http.post(ALL, json={"url": URL} | wrong) as answer:
        assert answer.status == 422
        assert (await answer.json())["errors"][0]["loc"][0] == field


async def test_only_what_is_given_is_changed_and_only_what_was_seen(
    http: aiohttp.ClientSession,
) -> None:
    one = f"{ALL}/{(await make(http, name='mine'))['id']}"
    async with http.put(one, json={"max_rps": 3}, headers={"If-Match": '"1"'}) as answer:
        changed = await answer.json()
    assert (changed["max_rps"], changed["name"], changed["version"]) == (3, "mine", 2)
    for seen in ('"1"', "nonsense", "0"):
        async with http.put(one, json={"name": "x"}, headers={"If-Match": seen}) as answer:
            assert answer.status == 409
    async with http.patch(one, json={"is_active": False}) as answer:
        assert (await answer.json())["is_active"] is False


async def test_a_webhook_that_is_gone_is_unknown(http: aiohttp.ClientSession) -> None:
    one = f"{ALL}/{(await make(http))['id']}"
    async with http.delete(one) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
    asked: list[tuple[str, str, dict[str, Any] | None]] = [
        ("GET", one, None),
        ("DELETE", one, None),
        ("PUT", one, {}),
        ("POST", f"{one}/test", None),
        ("POST", f"{one}/replay", {}),
        ("GET", f"{one}/deliveries", None),
    ]
    for method, path, body in asked:
        async with http.request(method, path, json=body) as answer:
            assert answer.status == 404
            assert (await answer.json())["type"] == "no-webhook"


async def test_lists_come_in_pages(http: aiohttp.ClientSession) -> None:
    made = [(await make(http))["id"] for _ in range(5)]
    found, cursor, pages = [], "", 0
    while cursor is not None:
        async with http.get(ALL, params={"limit": 2, "cursor": cursor}) as answer:
            page = await answer.json()
        found += [item["id"] for item in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert (found, pages) == (sorted(made), 3)
    for wrong in ({"limit": 0}, {"limit": 201}, {"limit": "x"}, {"offset": 1}):
        async with http.get(ALL, params=wrong) as answer:
            assert answer.status == 422


async def test_a_new_secret_takes_over_and_the_old_one_stays_for_a_while(
    http: aiohttp.ClientSession, store: Store
) -> None:
    made = await make(http)
    async with http.post(f"{ALL}/{made['id']}/rotate-secret", json={"grace": 60}) as answer:
        rotated = await answer.json()
    assert rotated["secret"] != made["secret"]
    kept = (await store.endpoint(made["id"])).secrets
    assert [secret.value for secret in kept] == [rotated["secret"], made["secret"]]
    assert kept[0].until is None
    assert kept[1].until is not None


async def test_what_waits_and_what_died_can_be_seen_and_sent_again(
    http: aiohttp.ClientSession, store: Store
) -> None:
    made = await make(http, event_types=["call.*"])
    one = f"{ALL}/{made['id']}"
    event = CallStarted(session_id="ses_1", data=Started(room="abcd"))
    message = Message(event.id, event.type, event.model_dump_json().encode(), channel="abcd")
    assert await store.add(message, now=1000.0) == 1
    async with http.get(f"{one}/deliveries", params={"state": "pending"}) as answer:
        (waiting,) = (await answer.json())["items"]
    assert (waiting["event_id"], waiting["event_type"]) == (event.id, "call.started")
    await store.disable(made["id"], reason="it is gone", now=1001.0)
    async with http.get(f"{one}/dead-letters") as answer:
        (dead,) = (await answer.json())["items"]
    assert (dead["id"], dead["state"], dead["error"]) == (waiting["id"], "dead", "it is gone")
    async with http.get(f"{one}/dead-letters", params={"cursor": "x"}) as answer:
        assert answer.status == 422
    async with http.put(one, json={"is_active": True}) as answer:
        assert (await answer.json())["disabled_because"] == ""
    async with http.post(f"{one}/replay", json={"delivery_id": dead["id"]}) as answer:
        assert (answer.status, await answer.json()) == (202, {"count": 1})
    async with http.post(f"{one}/replay", json={"delivery_id": 999}) as answer:
        assert answer.status == 404
    async with http.post(f"{one}/replay", json={"since": "2000-01-01T00:00:00Z"}) as answer:
        assert await answer.json() == {"count": 0}


async def test_a_replay_leaves_alone_what_died_before_the_time_it_names(
    http: aiohttp.ClientSession, store: Store
) -> None:
    one = f"{ALL}/{(made := await make(http, event_types=['call.*']))['id']}"
    for added in (1000.0, 2000.0):
        event = CallStarted(session_id="ses_1", data=Started(room="abcd"))
        await store.add(Message(event.id, event.type, b"{}", channel="abcd"), now=added)
    assert await store.disable(made["id"], reason="it is gone", now=2001.0) == 2
    async with http.patch(one, json={"is_active": True}) as answer:
        assert answer.status == 200
    async with http.post(f"{one}/replay", json={"since": "1970-01-01T00:25:00Z"}) as answer:
        assert await answer.json() == {"count": 1}
    async with http.get(f"{one}/dead-letters") as answer:
        (left,) = (await answer.json())["items"]
    assert left["added_at"] == "1970-01-01T00:16:40.000Z"


@asynccontextmanager
async def receiver(
    *, status: int = 200
) -> AsyncIterator[tuple[str, asyncio.Queue[tuple[Any, bytes]]]]:
    got: asyncio.Queue[tuple[Any, bytes]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        got.put_nowait((request.headers, await request.read()))
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/hook", take)
    async with listen(app, "127.0.0.1", 0) as url:
        yield f"{url}/hook", got


async def test_the_running_service_delivers_and_shows_its_tries() -> None:
    async with (
        receiver() as (url, got),
        service(env={"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}) as (client, _),
        aiohttp.ClientSession(str(client._base_url), headers=TOKEN) as http,
    ):
        made = await make(http, url=url, event_types=["call.*"])
        async with http.post(f"{ALL}/{made['id']}/test") as answer:
            assert answer.status == 202
        async with asyncio.timeout(20):
            headers, body = await got.get()
            assert verify(headers, body, made["secret"])
            assert headers["X-Transcriber-Event"] == "webhook.test"
            while True:
                async with http.get(f"{ALL}/{made['id']}/attempts") as answer:
                    tries = (await answer.json())["items"]
                if tries:
                    break
                await asyncio.sleep(0.05)
        assert (tries[0]["response_code"], tries[0]["error"]) == (200, "")


async def test_an_address_inside_the_network_is_refused_when_it_is_connected_to() -> None:
    async with (
        receiver() as (url, got),
        service() as (client, _),
        aiohttp.ClientSession(str(client._base_url), headers=TOKEN) as http,
    ):
        made = await make(http, url=url)
        async with http.post(f"{ALL}/{made['id']}/test") as answer:
            assert answer.status == 202
        async with asyncio.timeout(20):
            while True:
                async with http.get(f"{ALL}/{made['id']}/attempts") as answer:
                    if tries := (await answer.json())["items"]:
                        break
                await asyncio.sleep(0.05)
        assert tries[0]["response_code"] is None
        assert tries[0]["error"]
        assert got.empty()


async def test_a_webhook_that_is_lost_and_an_event_that_is_buried_are_told(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text(DESK)
    env = {
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK_MAX_RETRIES": "1", "WORKERS": "0",
        "DIALOG_DIR": str(tmp_path), "TTS_BACKEND": "espeak",
    }  # fmt: skip
    wanted = {"types": "webhook.disabled,webhook.buried"}
    async with (
        receiver(status=410) as (gone, _),
        receiver(status=500) as (fails, _),
        service(env=env) as (client, _),
        aiohttp.ClientSession(str(client._base_url), headers=TOKEN) as http,
        asyncio.timeout(30),
        http.get(EVENTS, params=wanted) as events,
    ):
        assert await events.content.readuntil(b"\n\n") == b": still here\n\n"
        lost = await make(http, url=gone, event_types=["call.*"])
        async with http.post(f"{ALL}/{lost['id']}/test") as answer:
            assert answer.status == 202
        told = await next_event(events.content)
        data = json.loads(told["data"])["data"]
        assert (told["event"], data["webhook_id"]) == ("webhook.disabled", lost["id"])
        assert data["reason"] == "the receiver answered 410 Gone"

        failing = await make(http, url=fails, event_types=["dialog.started"])
        async with http.post("/api/v1/dialogs/sessions", json={"dialog": "desk"}) as answer:
            assert answer.status == 201
        told = await next_event(events.content)
        data = json.loads(told["data"])["data"]
        assert (told["event"], data["webhook_id"]) == ("webhook.buried", failing["id"])
        assert (data["event_type"], data["attempts"]) == ("dialog.started", 1)
        assert data["error"] == "status 500"
