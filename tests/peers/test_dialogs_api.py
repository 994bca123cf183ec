"""Conversations over HTTP and a WebSocket, as programs hold them with the running service."""

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
from transcriber.web.server import listen

ALL = "/api/v1/dialogs"
SESSIONS = f"{ALL}/sessions"
BROKEN = "name: broken\ninitial_state: nowhere\nstates: {}\n"
ASKING = """
name: asking
initial_state: ask
states:
  ask:
    on_enter: [{type: call_hook, params: {url: "URL"}}]
    transitions:
      - {event: hook_result, target: told}
      - {event: hook_error, target: refused}
  told: {terminal: true}
  refused: {terminal: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "desk.yaml").write_text(DESK)
    (flows / "broken.yaml").write_text(BROKEN)
    return tmp_path


@asynccontextmanager
async def house(folder: Path, **more: str) -> AsyncIterator[aiohttp.ClientSession]:
    env = {
        "DATA_DIR": str(folder / "data"), "DIALOG_DIR": str(folder / "flows"), "WORKERS": "0",
        "TTS_BACKEND": "espeak",
    }  # fmt: skip
    async with service(env=env | more) as (http, _):
        http.headers.update(TOKEN)
        yield http


async def say(http: aiohttp.ClientSession, id_: str, **event: Any) -> tuple[int, dict[str, Any]]:
    async with http.post(f"{SESSIONS}/{id_}/events", json=event) as answer:
        return answer.status, await answer.json()


async def begin(http: aiohttp.ClientSession, **wish: Any) -> dict[str, Any]:
    async with http.post(SESSIONS, json={"dialog": "desk"} | wish) as answer:
        begun: dict[str, Any] = await answer.json()
        assert answer.status == 201, begun
        assert answer.headers["Location"] == f"{SESSIONS}/{begun['id']}"
        return begun


def spoken(answer: dict[str, Any]) -> list[str]:
    return [one["params"]["text"] for one in answer["actions"] if one["type"] == "play_tts"]


async def test_a_conversation_in_writing_is_led_to_its_end_and_outlives_a_restart(
    folder: Path,
) -> None:
    async with house(folder) as http:
        begun = await begin(http)
        assert spoken(begun) == ["Good day. What can we do for you?"]
        status, led = await say(http, begun["id"], type="speech", text="Bob")
        assert (status, led["previous_state"], led["state"]) == (200, "ask", "got")
        assert spoken(led) == ["Thank you, Bob."]
    async with house(folder) as http:
        async with http.get(f"{SESSIONS}/{begun['id']}") as answer:
            kept = await answer.json()
        assert (kept["state"], kept["variables"]["who"], kept["outcome"]) == ("got", "Bob", "")
        async with asyncio.timeout(60):
            while (over := await say(http, begun["id"], type="left"))[0] == 409:  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # it wakes up
        assert (over[0], over[1]["state"], over[1]["ended"]) == (200, "bye", True)
        status, refused = await say(http, begun["id"], type="left")
        assert (status, refused["type"]) == (409, "dialog-ended")
        async with http.get(SESSIONS) as answer:
            assert [one["id"] for one in (await answer.json())["items"]] == [begun["id"]]


async def test_flows_are_shown_with_what_is_wrong_and_wrong_wishes_say_what(folder: Path) -> None:
    async with house(folder) as http:
        async with http.get(ALL) as answer:
            shown = await answer.json()
        assert [one["name"] for one in shown["items"]] == ["desk"]
        (broken,) = shown["broken"]
        assert broken["problems"][0]["line"] > 0
        async with http.get(f"{ALL}/desk/diagram.svg") as answer:
            assert answer.content_type == "image/svg+xml"
            assert "ask" in await answer.text()
        for wish, status, said in (
            ({"dialog": "dusk"}, 404, "desk"),
            ({"dialog": "desk", "state": "asks"}, 422, "ask"),
            ({"dialog": "desk", "color": "red"}, 422, "color"),
            ({"dialog": "desk", "room": "abc"}, 400, "Talk"),
        ):
            async with http.post(SESSIONS, json=wish) as answer:
                assert answer.status == status
                assert said in await answer.text()
        begun = await begin(http, id="mine")
        assert begun["id"] == "mine"
        async with http.post(SESSIONS, json={"dialog": "desk", "id": "mine"}) as answer:
            assert answer.status == 409
        for event in ({"type": "speech"}, {"type": "dtmf", "digits": "x"}, {"type": "weather"}):
            status, _ = await say(http, "mine", **event)
            assert status == 422
        async with http.delete(f"{SESSIONS}/mine") as answer:
            assert answer.status == 204
        async with http.get(f"{SESSIONS}/none") as answer:
            assert answer.status == 404


async def test_a_program_follows_and_leads_one_over_a_websocket(folder: Path) -> None:
    async with house(folder) as http:
        begun = await begin(http)
        path = f"{SESSIONS}/{begun['id']}/ws"
        async with http.ws_connect(path) as socket:
            assert (await socket.receive_json())["session"]["state"] == "ask"
            await socket.send_json({"type": "send", "id": "1", "event": {"type": "speech"}})
            wrong = await socket.receive_json()
            assert (wrong["code"], wrong["message"][:17]) == ("bad_message", "send.event: Value")
            event = {"type": "speech", "text": "bye"}
            await socket.send_json({"type": "send", "id": "2", "event": event})
            told = [message async for message in _messages(socket)]
        assert told[-1] == {"type": "closed", "reason": "ended"}
        happened = [one["event"]["type"] for one in told if one["type"] == "happened"]
        assert happened[:2] == ["dialog.happened", "state.transition"]
        assert happened[-1] == "dialog.ended"
        async with http.ws_connect(path, headers={"Authorization": "Bearer wrong"}) as socket:
            assert await socket.receive_json() == {"type": "closed", "reason": "token"}


async def _messages(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[dict[str, Any]]:
    async for frame in socket:
        yield frame.json()


@pytest.mark.parametrize(
    ("allowed", "told", "status"), [("", "hook.error", None), ("127.0.0.0/8", "hook.result", 200)]
)
async def test_a_hook_inside_the_network_is_asked_only_if_the_administrator_permits_it(
    folder: Path, allowed: str, told: str, status: int | None
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({})

    inside = web.Application()
    inside.router.add_post("/hook", answer)
    async with listen(inside, "127.0.0.1", 0) as url:
        (folder / "flows" / "asking.yaml").write_text(ASKING.replace("URL", f"{url}/hook"))
        async with (
            house(folder, DIALOG_ALLOWED_NETWORKS=allowed) as http,
            asyncio.timeout(20),
            http.get(EVENTS, params={"types": "hook.*"}) as events,
        ):
            assert await events.content.readuntil(b"\n\n") == b": still here\n\n"
            await begin(http, dialog="asking")
            event = await next_event(events.content)
    data = json.loads(event["data"])["data"]
    assert (event["event"], data["hook_url"]) == (told, f"{url}/hook")
    assert data.get("status_code") == status
    assert ("may be connected to" in data.get("error", "")) == (not allowed)
    assert asked == (["/hook"] if allowed else [])
