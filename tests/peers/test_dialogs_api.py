"""Dialogs over HTTP and WebSocket, on real sockets; calls and engines are fakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.unit.transcriber.session.talks import DESK, Service, Shelf
from transcriber import aio
from transcriber.web.auth import AdminToken, BearerGuard
from transcriber.web.dialogs import DialogApi, DialogSocket
from transcriber.web.dialogs import socket as dialog_socket
from transcriber.web.server import application, listen

TOKEN = {"Authorization": "Bearer s3cret"}
SESSIONS = "/api/v1/dialogs/sessions"
BROKEN = "name: broken\ninitial_state: nowhere\nstates: {}\n"


@pytest.fixture
async def service(tmp_path: Path) -> Service:
    (tmp_path / "desk.yaml").write_text(DESK)
    (tmp_path / "broken.yaml").write_text(BROKEN)
    return Service(tmp_path, Shelf())


@pytest.fixture
async def http(service: Service) -> AsyncIterator[aiohttp.ClientSession]:
    tokens = AdminToken("s3cret")
    api = DialogApi(service.conversations)
    socket = DialogSocket(service.conversations, service.bus, tokens)
    app = application([*api.routes(), *socket.routes()], {"token": BearerGuard(tokens)})
    async with (
        aio.alongside(service.conversations.run()),
        listen(app, "127.0.0.1", 0) as url,
        aiohttp.ClientSession(url, headers=TOKEN) as session,
    ):
        yield session


async def start(http: aiohttp.ClientSession, **wish: Any) -> dict[str, Any]:
    async with http.post(SESSIONS, json={"dialog": "desk", **wish}) as answer:
        assert answer.status == 201, await answer.text()
        begun: dict[str, Any] = await answer.json()
        assert answer.headers["Location"] == f"{SESSIONS}/{begun['id']}"
        return begun


async def send(
    http: aiohttp.ClientSession, id_: str, status: int = 200, **event: Any
) -> dict[str, Any]:
    async with http.post(f"{SESSIONS}/{id_}/events", json=event) as answer:
        assert answer.status == status, await answer.text()
        said: dict[str, Any] = await answer.json()
        return said


async def test_dialogs_are_listed_with_what_is_wrong(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/v1/dialogs") as answer:
        listed = await answer.json()
    (desk,) = listed["items"]
    assert (desk["name"], desk["states"]) == ("desk", ["ask", "got", "bye"])
    assert desk["diagram"].startswith("stateDiagram-v2")
    (broken,) = listed["broken"]
    assert broken["file"] == "broken.yaml"
    assert broken["problems"][0]["line"] == 2
    async with http.get("/api/v1/dialogs/desk/diagram.svg") as answer:
        assert answer.content_type == "image/svg+xml"
        assert "<svg" in await answer.text()
    async with http.get("/api/v1/dialogs/disk") as answer:
        assert answer.status == 404


async def test_a_conversation_is_led_from_its_start_to_its_end(http: aiohttp.ClientSession) -> None:
    begun = await start(http, variables={"who": "Eve"})
    assert (begun["state"], begun["variables"]) == ("ask", {"who": "Eve"})
    assert begun["actions"][0]["params"]["text"] == "Good day. What can we do for you?"
    taken = await send(http, begun["id"], type="speech", text="Bob")
    assert (taken["previous_state"], taken["state"], taken["ended"]) == ("ask", "got", False)
    async with http.get(f"{SESSIONS}/{begun['id']}") as answer:
        shown = await answer.json()
    assert (shown["variables"], shown["outcome"]) == ({"who": "Bob"}, "")
    assert [one["trigger"] for one in shown["history"]] == ["Bob"]
    taken = await send(http, begun["id"], type="left", person="Bob")
    assert (taken["state"], taken["ended"]) == ("bye", True)
    await send(http, begun["id"], status=409, type="silence")


async def test_keys_and_events_of_ones_own_are_events_too(http: aiohttp.ClientSession) -> None:
    first, second = await start(http), await start(http, state="ask")
    taken = await send(http, first["id"], type="dtmf", digits="50")
    assert taken["state"] == "bye"
    taken = await send(http, second["id"], type="custom.leave", data={"why": "late"})
    assert taken["state"] == "bye"


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"type": "speech"}, "speech needs text"),
        ({"type": "dtmf", "digits": "x"}, "digits"),
        ({"type": "silence", "text": "hello"}, "text belongs to speech"),
        ({"type": "tts_complete"}, "type"),
        ({"type": "silence", "when": "now"}, "when"),
    ],
)
async def test_an_event_that_makes_no_sense_is_refused(
    http: aiohttp.ClientSession, event: dict[str, Any], problem: str
) -> None:
    begun = await start(http)
    refused = await send(http, begun["id"], status=422, **event)
    assert problem in str(refused)


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"dialog": "disk"}, 404),
        ({"dialog": "desk", "state": "aks"}, 422),
        ({"dialog": "desk", "id": "a b"}, 422),
        ({"dialog": "desk", "room": "r"}, 400),
        ({}, 422),
    ],
)
async def test_a_start_that_cannot_be_is_refused(
    http: aiohttp.ClientSession, service: Service, wish: dict[str, Any], status: int
) -> None:
    service.conversations.calls.clear()
    async with http.post(SESSIONS, json=wish) as answer:
        assert answer.status == status, await answer.text()


async def test_they_are_listed_page_by_page_and_ended(http: aiohttp.ClientSession) -> None:
    begun = [await start(http, id=f"d{number}") for number in range(3)]
    found: list[str] = []
    query = {"limit": "2"}
    while True:
        async with http.get(SESSIONS, params=query) as answer:
            page = await answer.json()
        found += [one["id"] for one in page["items"]]
        if not page.get("next_cursor"):
            break
        query["cursor"] = page["next_cursor"]
    assert found == [one["id"] for one in begun]
    async with http.delete(f"{SESSIONS}/d1") as answer:
        assert answer.status == 204
    async with http.delete(f"{SESSIONS}/d1") as answer:
        assert answer.status == 409
    async with http.get(f"{SESSIONS}/nobody") as answer:
        assert answer.status == 404


async def test_without_a_token_nothing_is_told(http: aiohttp.ClientSession) -> None:
    headers = {"Authorization": "Bearer guess"}
    for path in (SESSIONS, "/api/v1/dialogs"):
        async with http.get(path, headers=headers) as answer:
            assert answer.status == 403


# Over a WebSocket.


async def until(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """Read until a message of that type, or an event of it."""
    async with asyncio.timeout(10):
        while True:
            message: dict[str, Any] = await socket.receive_json()
            if kind in (message["type"], message.get("event", {}).get("type")):
                return message


async def test_a_socket_tells_what_happens_and_takes_events(http: aiohttp.ClientSession) -> None:
    begun = await start(http)
    async with http.ws_connect(f"{SESSIONS}/{begun['id']}/ws") as socket:
        assert (await until(socket, "ready"))["session"]["state"] == "ask"
        await socket.send_json({"type": "ping"})
        await until(socket, "pong")
        event = {"type": "speech", "text": "Bob"}
        await socket.send_json({"type": "send", "id": "1", "event": event})
        moved = await until(socket, "state.transition")
        assert moved["event"]["data"]["to_state"] == "got"
        taken = await until(socket, "taken")
        assert (taken["id"], taken["state"]) == ("1", "got")
        await socket.send_json({"type": "send", "id": "2", "event": {"type": "left"}})
        await until(socket, "dialog.ended")
        assert (await until(socket, "closed"))["reason"] == "ended"
    async with http.ws_connect(f"{SESSIONS}/{begun['id']}/ws") as socket:
        assert (await until(socket, "ready"))["session"]["outcome"] == "hangup"
        assert (await until(socket, "closed"))["reason"] == "ended"


async def test_nonsense_on_a_socket_is_answered(http: aiohttp.ClientSession) -> None:
    begun = await start(http)
    async with http.ws_connect(f"{SESSIONS}/{begun['id']}/ws") as socket:
        for nonsense in ("{", '{"type": "sing"}', '{"type": "auth", "token": "x"}'):
            await socket.send_str(nonsense)
            assert (await until(socket, "error"))["code"] == "bad_message"
        await socket.send_json({"type": "send", "event": {"type": "speech"}})
        assert "speech needs text" in (await until(socket, "error"))["message"]
        await socket.send_bytes(b"x")
        assert (await until(socket, "error"))["code"] == "bad_message"
        assert (await until(socket, "closed"))["reason"] == "left"


async def test_a_token_may_come_in_a_message(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialog_socket, "INTRODUCTION", 0.2)
    begun = await start(http)
    url = http._base_url / f"{SESSIONS[1:]}/{begun['id']}/ws"  # type: ignore[operator]
    async with aiohttp.ClientSession() as stranger:
        async with stranger.ws_connect(url) as socket:
            await socket.send_json({"type": "auth", "token": "s3cret"})
            await until(socket, "ready")
        for first in ({"type": "auth", "token": "guess"}, {"type": "ping"}, None):
            async with stranger.ws_connect(url) as socket:
                if first:
                    await socket.send_json(first)
                assert (await until(socket, "closed"))["reason"] == "token"


async def test_nobody_follows_what_there_is_not(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{SESSIONS}/nobody/ws") as socket:
        assert (await until(socket, "closed"))["reason"] == "unknown_conversation"
