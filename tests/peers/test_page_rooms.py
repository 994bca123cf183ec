"""
The page and the console with real rooms: three people who talk, and an administrator who looks on.

All of them sit at one browser, each in a window that shares nothing with the others. Pictures are
written to `.cache/rooms`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.peers.devtools import Tab, chromium
from tests.peers.test_console import enter as watch
from tests.peers.test_console import go
from tests.peers.test_page import SIZES
from tests.peers.test_rooms import HEARD, PATIENCE, READ, SAMPLE, enter, house

PICTURES = Path(".cache/rooms")
SEEN = "received('video').then(all => all.some(one => one.framesDecoded > 10))"
SHARED = "document.querySelector('.stage-large video')?.currentTime > 0"


async def picture(tab: Tab, name: str) -> None:
    for size, dark in (("desk", True), ("phone", True), ("tablet", False), ("desk", False)):
        await tab.look(*SIZES[size], dark=dark)
        await asyncio.sleep(0.5)
        await tab.picture(PICTURES / f"{name}-{size}-{'dark' if dark else 'light'}.png")


async def test_three_people_talk_see_and_read_each_other_while_the_console_looks_on() -> None:
    async with (
        house(WORKERS="0", DIALOG_DIR="dialogs/flows", DEFAULT_DIALOG="assistant") as url,
        chromium(f"--use-file-for-fake-audio-capture={SAMPLE}") as browser,
    ):
        ann, bo, cy, boss = [await browser.person() for _ in range(4)]
        room = await enter(ann, url, "Ann Becker")
        await enter(bo, room, "Bo Lindqvist")
        for one, other in ((ann, "Bo Lindqvist"), (bo, "Ann Becker")):
            await one.until(HEARD, PATIENCE)
            await one.sees(".caption", other, PATIENCE)
            await one.until(READ, PATIENCE)
        await bo.press("v")
        await ann.until(SEEN, PATIENCE)
        await ann.press("t")
        await ann.sees(".pane .entry", "Bo Lindqvist", PATIENCE)
        await comes_late(cy, room)
        await picture(ann, "room")
        await bo.press("s")
        await ann.sees(".stage-large .tile", "Screen of Bo Lindqvist", PATIENCE)
        await ann.until(SHARED, PATIENCE)
        await picture(ann, "screen")
        await bo.press("s")
        await ann.misses(".stage-large")
        await watch(boss, url)
        await go(boss, "rooms")
        await boss.sees(".people li", "Bo Lindqvist", PATIENCE)
        await boss.sees(".people .words", "the", PATIENCE)
        await picture(boss, "console")
        await boss.click("a[href='#dialogs/assistant']")
        await boss.sees(".drawing .here", "quiet", PATIENCE)
        await picture(boss, "dialog")
        await cy.click("[data-name=leave]")
        await cy.sees(".ending", "You have left")
        await ann.until("document.querySelectorAll('.tile').length === 2")
        for tab in (ann, bo, cy, boss):
            assert tab.complaints == []


async def comes_late(tab: Tab, room: str) -> None:
    """Read what was said before one came, also after the page was loaded again."""
    await enter(tab, room, "Cy Okafor")
    await tab.press("t")
    await tab.sees(".pane .entry", "Ann Becker", PATIENCE)
    await tab.reload()
    await tab.sees(".tile", "Ann Becker", PATIENCE)
    await tab.sees(".pane .entry", "Ann Becker", PATIENCE)
    await tab.until(HEARD, PATIENCE)
