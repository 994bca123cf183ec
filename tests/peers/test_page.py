"""
The page in a real browser, with a server that only speaks the protocol.

Pictures of it, at three sizes by day and by night, are written to `.cache/page` for people to look
at.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tests.network import ADDRESS
from tests.peers import until
from tests.peers.devtools import Tab, chromium
from tests.peers.page.server import FakeRoom, person, rooms
from tests.peers.rtc import network

PICTURES = Path(".cache/page")
SIZES = {"desk": (1440, 900), "tablet": (820, 1100), "phone": (360, 780)}
NAMES = ("Ann Becker", "Bo Lindqvist", "Chidi Okafor", "Divya Rao")
PROBLEM = ".notice"
CONTROLS = ("button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "meter")
WIDEST = """
Math.max(...[...document.querySelectorAll('html, dialog[open], .settings-group, .pane')]
  .map(one => one.scrollWidth > one.clientWidth && one !== document.documentElement
    ? Infinity : one.scrollWidth))
"""
"""How wide a page is; infinite where something in it is wider than its place."""
FILES = {
    "vtt": "<v Bo Lindqvist>I have finished the page, except for the telephone.",
    "srt": "Bo Lindqvist: I have finished the page, except for the telephone.",
    "txt": "] Bo Lindqvist: I have finished the page, except for the telephone.",
    "json": '"speaker": "Bo Lindqvist"',
}
"""What stands in the file of a transcript."""


@asynccontextmanager
async def visiting(
    *flags: str, people: tuple[str, ...] = NAMES, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[Tab, FakeRoom, str]]:
    """A browser and a room; nothing on the page may have gone wrong in the end."""
    with network():
        async with rooms(people, host) as (room, url), chromium(*flags) as browser:
            tab = await browser.tab()
            await tab.look(*SIZES["desk"])
            yield tab, room, url
            assert tab.complaints == []


async def enter(tab: Tab, url: str, path: str = "/rooms/room_1") -> None:
    """Come in as Mia."""
    await knock(tab, url, path)
    await tab.sees(".room-title", "Stand-up")


async def knock(tab: Tab, url: str, path: str) -> None:
    await tab.open(url + path)
    await tab.click("input[name=name]")
    await tab.type("Mia Wagner")
    await tab.click("button[type=submit]")


async def picture(tab: Tab, name: str) -> None:
    for size, dark in (("desk", True), ("phone", True), ("tablet", False), ("desk", False)):
        await tab.look(*SIZES[size], dark=dark)
        await asyncio.sleep(0.2)
        await tab.until(f"{WIDEST} <= {SIZES[size][0]}")
        await tab.picture(PICTURES / f"{name}-{size}-{'dark' if dark else 'light'}.png")
    said = await tab.ask("Accessibility.getFullAXTree")
    nameless = [
        one for one in said["nodes"]
        if not one["ignored"] and one["role"]["value"] in CONTROLS and not one["name"]["value"]
    ]  # fmt: skip
    assert nameless == [], "what somebody who cannot see would not know"


async def test_somebody_opens_a_room_talks_reads_searches_downloads_and_leaves() -> None:
    async with visiting() as (tab, room, url):
        await tab.open(url)
        await tab.until("document.querySelector('meter')?.value > 0.3")
        await picture(tab, "lobby")
        await tab.click("input[name=name]")
        await tab.type("Mia Wagner")
        await tab.click("input[name=room]")
        await tab.type("Stand-up")
        await tab.press("Enter")
        await tab.sees(".room-title", "Stand-up")
        assert await tab.run("location.pathname") == "/rooms/room_1"
        assert await tab.run("document.querySelectorAll('.tile').length") == 1 + len(NAMES)
        await until(lambda: room.said("mute"))
        assert room.said("publish")[0]["tracks"] == [
            {"mid": "0", "kind": "audio", "source": "microphone"}
        ]
        await talk(tab, room)
        await read(tab)
        await tab.click("[data-name=leave]")
        await tab.sees(".ending", "You have left")
        await tab.sees(".pane", "Café")
        await picture(tab, "ending")
        assert room.said("leave")


async def talk(tab: Tab, room: FakeRoom) -> None:
    await room.caption("par_1", "Good morning", id="a", final=False)
    await tab.sees(".caption", "Good morning")
    await room.caption("par_1", "Good morning everybody, shall we start?", id="a")
    await tab.sees(".caption.final", "Ann Becker")
    await room.caption("par_2", "I have finished the page, except for the telephone.")
    await room.caption(
        "par_3", "Das Café in Zürich wants to know about <b>its</b> invoice.", language="de"
    )
    await room.caption("par_4", "Then let us see what is left", id="b", final=False)
    await room.tell("speakers", speakers=[{"participant_id": "par_3", "level_dbov": -20}])
    await tab.sees(".tile.speaking", "Chidi Okafor")
    assert await tab.run("document.querySelector('.captions b')") is None
    spoken = await tab.run("document.querySelector('[role=log]').innerText")
    assert "Ann Becker: Good morning everybody, shall we start?" in spoken
    assert "Then let us see" not in spoken


async def read(tab: Tab) -> None:
    await tab.press("t")
    await tab.sees(".pane .entry", "Ann Becker")
    await tab.sees(".pane .live", "Then let us see")
    await picture(tab, "room")
    await tab.press("/")
    await tab.type("cafe")
    await tab.sees(".count", "1 of 1")
    assert await tab.text("mark.current") == "Café"
    await tab.run("document.activeElement.select()")
    await tab.type("the")
    await tab.sees(".count", "2 of 2")
    await tab.press("Enter")
    await tab.sees(".count", "1 of 2")
    assert await tab.text(".entry:has(mark.current) .speaker-name") == "Bo Lindqvist"
    with tempfile.TemporaryDirectory() as folder:
        await download(tab, Path(folder))


async def download(tab: Tab, folder: Path) -> None:
    await tab.ask("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    for number, (ending, words) in enumerate(FILES.items(), 1):
        await tab.click(".menu summary")
        await tab.click(f".menu-items button:nth-child({number})")
        await until(partial(kept, folder, f"stand-up-*.{ending}", words))


def kept(folder: Path, name: str, words: str) -> bool:
    return any(words in file.read_text() for file in folder.glob(name))


async def test_everything_can_be_done_with_the_keyboard() -> None:
    async with visiting() as (tab, room, url):
        await enter(tab, url)
        await until(lambda: len(room.said("mute")) == 1)
        await tab.press("m")
        await until(lambda: [one["muted"] for one in room.said("mute")] == [False, True])
        await tab.press("v")
        await until(lambda: len(room.said("publish")) == 2)
        sources = [one["source"] for one in room.said("publish")[1]["tracks"]]
        assert sources == ["microphone", "camera"]
        assert (
            "rid=low" in room.said("publish")[1]["sdp"]
            or "a=rid:low send" in room.said("publish")[1]["sdp"]
        )
        await tab.press("v")
        await until(lambda: len(room.said("publish")) == 3)
        assert [one["source"] for one in room.said("publish")[2]["tracks"]] == ["microphone"]
        await tab.press("c")
        await until(lambda: [one["on"] for one in room.said("captions")] == [True, False])
        await tab.press("t")
        await tab.sees(".pane")
        await tab.press("/")
        await tab.type("m")
        assert room.said("mute")[-1]["muted"], "what is written into a field is no command"


async def test_wishes_are_told_to_the_server_and_kept() -> None:
    async with visiting() as (tab, room, url):
        await enter(tab, url)
        await tab.click("[data-name=settings]")
        await tab.sees(".settings", "Read captions in")
        fields = "[...document.querySelectorAll('.settings select')]"
        await tab.until(f"{fields}.every(one => one.options.length)")
        await picture(tab, "settings")
        await choose(tab, "Read captions in", "fr")
        await choose(tab, "I speak", "de")
        await until(lambda: room.said("language"))
        assert room.said("captions")[-1] == {"type": "captions", "on": True, "target": "fr"}
        assert room.said("language") == [{"type": "language", "language": "de"}]
        await tab.run("document.querySelector('input[name=size][value=huge]').click()")
        await tab.run("document.querySelector('input[name=theme][value=dark]').click()")
        await tab.press("Escape")
        await room.caption("par_1", "Quite large.", final=False)
        await tab.sees(".caption", "Quite large.")
        assert (
            await tab.run("getComputedStyle(document.querySelector('.caption')).fontSize") == "34px"
        )
        assert await tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 21, 23)"
        room.heard.clear()
        await tab.open(url + "/rooms/room_1")
        await until(lambda: room.said("language"))
        assert room.said("captions")[0]["target"] == "fr"


async def choose(tab: Tab, label: str, value: str) -> None:
    await tab.run(
        f"(() => {{ const one = [...document.querySelectorAll('label')]"
        f".find(one => one.textContent.startsWith('{label}')).querySelector('select');"
        f"one.value = '{value}'; one.dispatchEvent(new Event('change')); }})()"
    )


async def test_people_come_and_go_share_and_mute() -> None:
    async with visiting(people=("Ann Becker",)) as (tab, room, url):
        await enter(tab, url)
        await room.tell("joined", participant=person(7, "Zoe", muted=True))
        await tab.sees(".tile", "Zoe")
        await tab.sees(".tile .tile-muted")
        await room.tell("muted", participant_id="par_7", track_id="trk_7", muted=False)
        await tab.misses(".tile .tile-muted")
        screen = {"id": "trk_9", "kind": "video", "source": "screen", "muted": False}
        await room.tell("track.published", participant_id="par_7", track=screen)
        await tab.sees(".stage-large .tile", "Screen of Zoe")
        await picture(tab, "screen")
        await room.tell("layer", track_id="trk_9", layer="off")
        await tab.sees(".stage-large .tile-held", "too slow")
        await picture(tab, "slow")
        await room.tell("layer", track_id="trk_9", layer="low")
        await tab.misses(".tile-held")
        await room.tell("track.unpublished", participant_id="par_7", track_id="trk_9")
        await tab.misses(".stage-large")
        await room.tell("quality", participant_id="par_7", score=1)
        await tab.sees(".tile .tile-quality")
        await room.tell("left", participant_id="par_7", reason="left")
        await tab.until("document.querySelectorAll('.tile').length === 2")


async def test_a_lost_connection_comes_back_and_says_so() -> None:
    async with visiting() as (tab, room, url):
        await enter(tab, url)
        await until(lambda: room.said("mute"))
        room.answers.clear()
        await room.cut()
        await tab.sees(".status", "Connection lost")
        await picture(tab, "away")
        room.heard.clear()
        room.answers.set()
        await until(lambda: room.said("publish"), seconds=40)
        assert room.said("join")[0]["resume"] == "s3cret"
        assert room.said("restart") == [{"type": "restart", "peer": "subscribe"}]
        await until(lambda: room.said("mute"))
        await tab.until("document.querySelector('.status').textContent === ''")


async def test_a_page_that_is_loaded_again_is_in_the_room_again() -> None:
    async with visiting() as (tab, room, url):
        room.before = [
            {"speaker": "Ann Becker", "start": 1, "end": 2, "text": "Before.", "language": "en"}
        ]
        await enter(tab, url)
        await tab.press("t")
        await tab.sees(".pane .entry", "Before.")
        await until(lambda: room.said("mute"))
        room.heard.clear()
        await tab.reload()
        await until(lambda: room.said("mute"))
        assert room.said("join")[0]["fresh"] is True
        await tab.sees(".pane .entry", "Before.")


async def test_an_invitation_is_used_once_and_an_old_one_is_refused_in_words() -> None:
    async with visiting() as (tab, room, url):
        await enter(tab, url, "/rooms/room_1#token=s3cret-invitation")
        assert room.said("join")[0]["token"] == "s3cret-invitation"
        assert await tab.run("location.href") == f"{url}/rooms/room_1"
        await tab.open("about:blank")
        await knock(tab, url, "/rooms/room_1#token=old")
        await tab.sees(".ending", "This invitation is not valid")
        await tab.click(".ending .primary")
        await tab.sees(".lobby")


async def test_a_room_that_is_not_there_is_told_in_the_lobby() -> None:
    async with visiting() as (tab, _, url):
        await tab.open(f"{url}/rooms/nowhere")
        await tab.click("input[name=name]")
        await tab.type("Mia")
        await tab.press("Enter")
        await tab.sees(".problems .notice", "There is no such room")
        tab.complaints.clear()


async def test_a_refused_microphone_is_told_and_one_can_still_come_in_to_read() -> None:
    flags = ("--use-fake-ui-for-media-stream=deny",)
    async with visiting(*flags) as (tab, room, url):
        await tab.open(url)
        await tab.sees(PROBLEM, "does not let this page use the microphone")
        await picture(tab, "refused")
        await enter(tab, url)
        await room.caption("par_1", "You can read this.")
        await tab.sees(".caption", "You can read this.")
        await tab.press("m")
        await tab.sees(".notices .notice", "does not let this page use the microphone")
        assert room.said("publish") == []


async def test_a_page_without_https_says_what_to_do() -> None:
    flag = f"--proxy-bypass-list={ADDRESS}"
    async with visiting(flag, host=ADDRESS) as (tab, _, url):
        await tab.open(url)
        await tab.sees(PROBLEM, "without https")
        await picture(tab, "plain")


async def test_the_end_is_explained() -> None:
    async with visiting() as (tab, room, url):
        for reason in ("removed", "room_closed", "replaced"):
            await enter(tab, url)
            await until(lambda: room.said("mute") and room.connected())
            room.heard.clear()
            await room.tell("closed", reason=reason)
            await tab.sees(".ending h1")
            assert await tab.text(".ending h1") not in {"", "The conversation is over"}
            assert await tab.run("document.activeElement.tagName") == "H1"
