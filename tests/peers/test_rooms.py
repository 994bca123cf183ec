"""Built-in rooms as people have them: the service, the page, and browsers that speak a sample."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.peers.devtools import Chromium, Tab, chromium
from tests.peers.rtc import network
from tests.peers.service import service

SAMPLE = Path("tests/data/sample.wav").absolute()
WATCHED = """
globalThis.peers = [];
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); peers.push(this); }
};
globalThis.received = async kind => {
  const found = [];
  for (const peer of peers) for (const one of (await peer.getStats()).values())
    if (one.type === 'inbound-rtp' && one.kind === kind) found.push(one);
  return found;
};
"""
"""Keeps hold of a page's connections, so that a test can ask what they receive."""
HEARD = "received('audio').then(all => Math.max(0, ...all.map(one => one.audioLevel ?? 0)) > 0.02)"


@asynccontextmanager
async def house(**env: str) -> AsyncIterator[str]:
    with network():
        async with service(env={"ROOMS_OPEN": "true", **env}) as (http, _logged):
            while (await http.get("/ready")).status != 200:  # noqa: ASYNC110 - workers load models
                await asyncio.sleep(0.1)
            yield str(http._base_url).rstrip("/")


@asynccontextmanager
async def speaking() -> AsyncIterator[Chromium]:
    async with chromium(f"--use-file-for-fake-audio-capture={SAMPLE}") as browser:
        yield browser


async def enter(tab: Tab, url: str, name: str) -> str:
    """Come in; returns the address of the room."""
    await tab.look(1440, 900)
    await tab.ask("Page.addScriptToEvaluateOnNewDocument", source=WATCHED)
    await tab.open(url)
    await tab.click("input[name=name]")
    await tab.type(name)
    await tab.click("button[type=submit]")
    await tab.sees(".room-title")
    return str(await tab.run("location.href"))


@pytest.mark.parametrize("workers", ["0", "2"])
async def test_two_people_hear_each_other_and_read_what_the_other_says(workers: str) -> None:
    async with house(WORKERS=workers) as url, speaking() as first, speaking() as second:
        ann, bo = await first.tab(), await second.tab()
        room = await enter(ann, url, "Ann")
        await enter(bo, room, "Bo")
        await ann.sees(".tile", "Bo")
        await bo.sees(".tile", "Ann")
        for tab in (ann, bo):
            await tab.until(HEARD, 40)
        await ann.sees(".caption", "Bo", 40)
        await bo.sees(".caption", "Ann", 40)
        assert ann.complaints == bo.complaints == []
