"""The service is killed in the middle of dialogs, and they go on where they were."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from tests.peers import until
from tests.peers.rtc import network
from tests.peers.talking import ADMIN, calling, house, start
from transcriber.rtc import Media

FLOW = """
name: order
initial_state: ask
variables:
  dish: nothing
  menu: There is soup, bread, cheese, fish, rice and fruit, and there is tea or coffee with it.
  next: Press the hash key if that is right, or wait to be asked once more.
states:
  ask:
    on_enter: [{type: play_tts, params: {text: "What would you like? {{ variables.menu }}"}}]
    transitions:
      - event: dtmf
        target: confirm
        actions: [{type: set_variable, params: {dish: "number {{ event.digit }}"}}]
  confirm:
    on_enter:
      - {type: play_tts, params: {text: "You ordered {{ variables.dish }}. {{ variables.next }}"}}
    transitions:
      - {event: dtmf, condition: "{{ event.digit == '#' }}", target: done}
  done:
    on_enter: [{type: play_tts, params: {text: "Thank you."}}, {type: hangup}]
    terminal: true
"""
SESSIONS = "/api/v1/dialogs/sessions"


async def send(http: aiohttp.ClientSession, dialog: str, digits: str) -> dict[str, Any]:
    event = {"type": "dtmf", "digits": digits}
    while True:
        async with http.post(f"{SESSIONS}/{dialog}/events", json=event, headers=ADMIN) as answer:
            taken: dict[str, Any] = await answer.json()
        if taken.get("type") != "dialog-busy":  # as long as it wakes up
            assert answer.status == 200, taken
            return taken
        await asyncio.sleep(0.05)


def ordered(spoken: dict[str, Any]) -> bool:
    return str(spoken["text"]).startswith("You ordered number 3.")


async def kept(http: aiohttp.ClientSession, dialog: str) -> tuple[str, str, str]:
    async with http.get(f"{SESSIONS}/{dialog}", headers=ADMIN) as answer:
        shown = await answer.json()
    return shown["state"], shown["variables"]["dish"], shown["outcome"]


async def test_dialogs_go_on_after_a_kill_when_the_caller_is_back(tmp_path: Path) -> None:
    with network():
        async with Media() as media, AsyncExitStack() as life:
            killed = house(tmp_path, FLOW, ask=signal.SIGKILL, TTS_BACKEND="espeak")
            http = await life.enter_async_context(killed)
            async with http.post(SESSIONS, json={"dialog": "order"}, headers=ADMIN) as answer:
                written = (await answer.json())["id"]
            await send(http, written, "7")
            room, spoken = await start(http, "order")
            async with calling(http, media, room, spoken) as caller:
                await until(lambda: caller.loud)
                await caller.press("3")
                await until(lambda: any(map(ordered, caller.told("tts.completed"))))
                await life.aclose()
            async with house(tmp_path, FLOW, TTS_BACKEND="espeak") as http:
                assert await kept(http, written) == ("confirm", "number 7", "")
                assert await kept(http, spoken) == ("confirm", "number 3", "")
                assert (await send(http, written, "#"))["ended"]
                async with calling(http, media, room, spoken) as caller:
                    await until(lambda: caller.loud)
                    await caller.press("#")
                    await until(lambda: caller.told("dialog.ended"))
                assert await kept(http, spoken) == ("done", "number 3", "hangup")
