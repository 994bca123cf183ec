"""Built-in rooms as people have them: the service, the page, and browsers that speak a sample."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.network import ADDRESS, Machine, other_machine
from tests.peers.devtools import Chromium, Tab, chromium
from tests.peers.rtc import network
from tests.peers.service import ready, service
from tests.peers.speech import WORDS
from tests.peers.test_rooms_whip import gstreamer

Place = Callable[[], AbstractAsyncContextManager[str]]
PATIENCE = 90.0
"""Seconds that what is sure to come may take on a machine that has much else to do."""
SAMPLE = Path("tests/data/sample.wav").absolute()
LONG = [word for word in WORDS if len(word) > 5]
"""What nobody is called, and no button."""
WATCHED = """
globalThis.peers = [];
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); peers.push(this); }
};
globalThis.sockets = [];
globalThis.heard = [];
globalThis.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    sockets.push(this);
    this.addEventListener('message', ({data}) => heard.push(JSON.parse(data)));
  }
};
globalThis.say = message => sockets.at(-1).send(JSON.stringify(message));
globalThis.told = type => heard.filter(one => one.type === type);
globalThis.offered = kind => (told('offer').at(-1)?.tracks ?? [])
  .filter(one => one.kind === kind).map(one => one.track_id);
globalThis.received = async kind => {
  const found = [];
  for (const peer of peers) {
    const all = await peer.getStats();
    for (const one of all.values()) if (one.type === 'inbound-rtp' && one.kind === kind)
      found.push({...one, codec: all.get(one.codecId)?.mimeType});
  }
  return found;
};
globalThis.voices = async () => {
  const before = globalThis.counted ?? {};
  globalThis.counted = {};
  for (const one of await received('audio')) counted[one.ssrc] = one.packetsReceived;
  return Object.entries(counted).filter(([ssrc, many]) => many > (before[ssrc] ?? 0)).length;
};
"""
"""Keeps hold of a page's connections and of what it is told, so that a test can ask for it."""
SLOWER = (90, 60, 45)
"""Kbit/s until a picture does not fit beside a voice: a busy machine makes a small one of it."""
USERNAMES = "peers.map(one => one.remoteDescription.sdp.match(/a=ice-ufrag:(.*)/)[1])"
"""What ICE calls the server's end of each connection of a page."""
CODECS = {"vp8": "", "vp9": "L3T3_KEY", "av1": "L3T3_KEY"}
"""How a browser sends several sizes: empty for as many streams, or as parts of one."""
WIDTHS = {"low": 320, "mid": 640, "high": 1280}
SCALABLE = """
(() => {
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (track, more) {
    if (track.kind !== 'video') return add.call(this, track, more);
    const encoding = {scalabilityMode: '%s', scaleResolutionDownBy: %d};
    const place = add.call(this, track, {...more, sendEncodings: [encoding]});
    const all = RTCRtpSender.getCapabilities('video').codecs;
    place.setCodecPreferences(all.filter(one => one.mimeType.toLowerCase() === 'video/%s'));
    return place;
  };
})();
"""
"""Has the page send one stream of which parts can be left out: how, how small, in which codec."""
PLAYER = """
(async () => {
  const {room, token} = JSON.parse(sessionStorage['transcriber.visit']);
  const player = new RTCPeerConnection();
  peers.splice(peers.indexOf(player), 1);
  for (const kind of ['audio', 'video']) player.addTransceiver(kind, {direction: 'recvonly'});
  const gathered = new Promise(done => player.onicegatheringstatechange = () =>
    player.iceGatheringState === 'complete' && done());
  await player.setLocalDescription(await player.createOffer());
  await gathered;
  const ask = (method, url, type, body) => fetch(url, {
    method, body, headers: {Authorization: `Bearer ${token}`, 'Content-Type': type},
  });
  const sdp = player.localDescription.sdp;
  const answer = await ask('POST', `/api/v1/rooms/${room}/whep`, 'application/sdp', sdp);
  await player.setRemoteDescription({type: 'answer', sdp: await answer.text()});
  const [, link] = answer.headers.get('Link').match(/<(.*)>/);
  globalThis.choose = async encodingId =>
    ask('POST', link, 'application/json', JSON.stringify({mediaId: '1', encodingId}));
  globalThis.stop = () => ask('DELETE', answer.headers.get('Location'));
  globalThis.width = async () => [...(await player.getStats()).values()]
    .find(one => one.type === 'inbound-rtp' && one.kind === 'video')?.frameWidth;
})()
"""
"""Watches the room by WHEP, beside the page."""
LAYER = "told('layer').at(-1)?.layer"
UNSUBSCRIBE = """
(() => {
  const {id} = told('ready')[0].participants.find(one => one.name === '%s');
  const {track_id} = told('offer').at(-1).tracks.find(one => one.participant_id === id);
  say({type: 'unsubscribe', track_id});
  globalThis.unwanted = track_id;
})()
"""
NEWEST = "received('video').then(all => all.at(-1) ?? {})"
SECOND = f"""
(async () => {{
  const before = await {NEWEST};
  await new Promise(done => setTimeout(done, 1000));
  const now = await {NEWEST};
  return %s;
}})()
"""
"""What becomes of the newest picture in a second."""
MOVES = SECOND % "now.framesDecoded > before.framesDecoded"
BITS = "8 * (now.bytesReceived - before.bytesReceived)"
KBITS = SECOND % f"{BITS} / (now.timestamp - before.timestamp)"
READ = f"""
[...document.querySelectorAll('.caption')].some(one => one.checkVisibility() &&
  {json.dumps(LONG)}.some(word => one.textContent.toLowerCase().includes(word)))
"""
"""Whether a caption shows a word of the sample, and not just who speaks."""
HEARD = "received('audio').then(all => Math.max(0, ...all.map(one => one.audioLevel ?? 0)) > 0.02)"


@asynccontextmanager
async def house(**env: str) -> AsyncIterator[str]:
    with network():
        async with service(env={"ROOMS_OPEN": "true", **env}) as (http, _logged):
            await ready(http)
            yield str(http._base_url).rstrip("/")


@asynccontextmanager
async def demo() -> AsyncIterator[str]:
    """What `make demo` opens, as whoever types that has it: until Ctrl-C."""
    with network():
        process = await asyncio.create_subprocess_exec(
            *("make", "-s", "-o", ".venv/ready", f"RUN={Path(sys.executable).parent}/", "demo"),
            env=os.environ | {"HTTP_PORT": "0"},
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout
        try:
            async with asyncio.timeout(60):
                while not (found := re.search(r"http://\S+", await _line(process.stdout))):
                    pass
            yield found[0]
        finally:
            os.killpg(process.pid, signal.SIGINT)
            async with asyncio.timeout(20):
                await process.wait()


async def _line(stream: asyncio.StreamReader) -> str:
    line = await stream.readline()
    assert line, "it ended"
    return line.decode()


@asynccontextmanager
async def speaking(*flags: str, on: Machine | None = None) -> AsyncIterator[Chromium]:
    async with chromium(f"--use-file-for-fake-audio-capture={SAMPLE}", *flags, on=on) as browser:
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


@pytest.mark.parametrize("place", [demo, partial(house, WORKERS="0")])
async def test_two_people_hear_each_other_and_read_what_is_said(place: Place) -> None:
    async with place() as url, speaking() as first, speaking() as second:
        ann, bo = await first.tab(), await second.tab()
        room = await enter(ann, url, "Ann")
        await enter(bo, room, "Bo")
        await ann.sees(".tile", "Bo")
        await bo.sees(".tile", "Ann")
        for tab in (ann, bo):
            await tab.until(HEARD, PATIENCE)
        await ann.sees(".caption", "Bo", PATIENCE)
        await bo.sees(".caption", "Ann", PATIENCE)
        await ann.sees(".caption", "Ann", PATIENCE)
        for tab in (ann, bo):
            await tab.until(READ, PATIENCE)
        assert ann.complaints == bo.complaints == []


async def test_a_third_comes_late_is_slow_loses_their_network_loads_again_and_leaves() -> None:
    port = "8471"
    secure = f"--unsafely-treat-insecure-origin-as-secure=http://{ADDRESS}:{port}"
    flags = (secure, f"--proxy-bypass-list={ADDRESS}")
    async with house(HTTP_HOST=ADDRESS, HTTP_PORT=port) as url, speaking(*flags) as here:
        ann, bo = await here.person(), await here.person()
        room = await enter(ann, url, "Ann")
        await enter(bo, room, "Bo")
        with other_machine() as machine:
            async with speaking(*flags, on=machine) as there:
                cy = await there.tab()
                await enter(cy, room, "Cy")
                await ann.sees(".tile", "Cy")
                await be_slow(machine, ann, cy)
                await lose_network(machine, cy)
                await ann.run("voices()")
                await ann.until("voices().then(many => many === 2)", PATIENCE)
                assert await ann.run("told('left')") == []
                await load_again(cy)
                await ann.until("document.querySelectorAll('.tile').length === 3")
                await cy.click("[data-name=leave]")
                await ann.until("document.querySelectorAll('.tile').length === 2")
        assert ann.complaints == bo.complaints == []


async def be_slow(machine: Machine, ann: Tab, cy: Tab) -> None:
    """Get no picture of Ann in the end, and her voice all the time; Bo is not wanted."""
    await cy.until("offered('audio').length === 2")
    await cy.run(UNSUBSCRIBE % "Bo")
    await cy.until("!offered('audio').includes(unwanted)")
    await ann.click("[data-name=camera]")
    await cy.until(f"{NEWEST}.then(one => one.framesDecoded > 20)", PATIENCE)
    for kbits in SLOWER:
        machine.slow(kbits)
        with suppress(TimeoutError):
            await cy.until(f"{LAYER} === 'off'", 15.0)
            break
    await cy.sees(".tile-held", "too slow")
    await cy.run("voices()")
    await cy.until("voices().then(many => many > 0)", PATIENCE)
    machine.slow(0)


async def lose_network(machine: Machine, cy: Tab) -> None:
    """Be the same on other ways afterwards: same wishes, and words, sound and picture go on."""
    before = await cy.run(USERNAMES)
    machine.lose()
    await asyncio.sleep(10)
    said = await cy.run("told('caption').length")
    machine.find()
    for number, name in enumerate(before):
        await cy.until(f"{USERNAMES}[{number}] !== '{name}'", PATIENCE)
    assert len(await cy.run(USERNAMES)) == len(before) == 2, "ICE began again, and nothing else"
    await cy.run("voices()")
    await cy.until("voices().then(many => many > 0)", PATIENCE)
    await cy.until(HEARD, PATIENCE)
    assert not await cy.run("offered('audio').includes(unwanted)"), "nor is it wanted now"
    assert await cy.run("new Set(told('ready').map(one => one.participant_id)).size") == 1
    await cy.until(f"told('caption').slice({said}).some(one => one.name === 'Ann')", PATIENCE)
    await cy.until(MOVES, PATIENCE)


async def load_again(cy: Tab) -> None:
    """Come back as the same, with connections of their own."""
    await cy.reload()
    await cy.sees(".tile", "Ann")
    await cy.until(HEARD, PATIENCE)
    assert await cy.run("told('ready').map(one => one.resumed)") == [True]
    await cy.sees(".caption", "Ann", PATIENCE)


async def test_a_picture_changes_its_layer_when_its_viewer_wishes() -> None:
    slow = "--use-fake-device-for-media-stream"
    async with (
        house(WORKERS="0") as url,
        chromium(f"{slow}=fps=8", without=[slow]) as browser,
    ):
        bo = await browser.person()
        room = await enter(bo, url, "Bo")
        for codec, mode in CODECS.items():
            ann = await browser.person()
            if mode:  # half as large, and in two sizes then
                script = SCALABLE % (mode, 2, codec)
                await ann.ask("Page.addScriptToEvaluateOnNewDocument", source=script)
            await enter(ann, room, codec)
            await bo.sees(".tile", codec)
            await ann.click("[data-name=camera]")
            await bo.until(f"{NEWEST}.then(one => one.framesDecoded > 20)", PATIENCE)
            track = await bo.run("offered('video').at(-1)")
            for layer, rate in (("low", ""), ("mid", "> 1.5 *"), ("low", "< 0.7 *")):
                await bo.run(f"say({{type: 'layer', track_id: '{track}', layer: '{layer}'}})")
                await bo.until(
                    f"{NEWEST}.then(one => one.frameWidth === {WIDTHS[layer]})", PATIENCE
                )
                if not mode:
                    met = f"now {rate} globalThis.kbits" if rate else "now > 0"
                    await bo.until(f"{KBITS}.then(now => {met} && (kbits = now))", PATIENCE)
            if not mode:
                await choose_as_player(bo)
            await ann.click("[data-name=leave]")
            await bo.until("document.querySelectorAll('.tile').length === 1")
        token = await bo.run("JSON.parse(sessionStorage['transcriber.visit']).token")
        async with gstreamer(room.replace("/rooms/", "/api/v1/rooms/"), token, "h264"):
            await bo.until(f"{NEWEST}.then(one => one.framesDecoded > 10)", PATIENCE)
            assert await bo.run(f"{NEWEST}.then(one => one.codec)") == "video/H264"
            await bo.until(HEARD, PATIENCE)


async def choose_as_player(tab: Tab) -> None:
    """Watch by WHEP too, and choose sizes there."""
    await tab.run(PLAYER)
    for layer in ("mid", "low"):
        await tab.run(f"choose('{layer}').then(answer => answer.status)")
        await tab.until(f"width().then(wide => wide === {WIDTHS[layer]})", PATIENCE)
    await tab.run("stop().then(answer => answer.status)")
