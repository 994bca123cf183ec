"""Standard clients in a room: GStreamer sends by WHIP, and is heard and captioned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.peers import missing
from tests.peers.rtc import Heard, tone, until
from tests.peers.test_rooms_protocol import house
from transcriber.rtc import Ears, Media, Peer, sdp

PYTHON = "/usr/bin/python3"
HAS_GSTREAMER = Path("/usr/lib/python3/dist-packages/gi/overrides/Gst.py").exists()
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


@asynccontextmanager
async def gstreamer(room: str, token: str, picture: str = "") -> AsyncIterator[str]:
    """Have GStreamer send the sample, and perhaps a picture; yields where its resource is."""
    if not HAS_GSTREAMER:
        missing("GStreamer for Python is not installed; run `make peers`")
    process = await asyncio.create_subprocess_exec(
        *(PYTHON, "tests/peers/whip.py", "tests/data/sample.wav", f"{room}/whip", token, picture),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        async with asyncio.timeout(60):
            yield (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_gstreamer_sends_is_heard_and_captioned() -> None:
    async with house() as place:
        await place.open()
        ann = await place.visitor("Ann")
        await ann.say("captions", on=True)
        token = await place.token("join", "publish", name="Studio")
        room = f"{str(place.http._base_url).rstrip('/')}/api/v1/rooms/{place.room}"
        async with gstreamer(room, token) as where:
            published = await ann.next("track.published")
            heard = ann.hear(published["track"]["id"])
            while heard.seconds < 4:  # noqa: ASYNC110 - packets come by themselves
                await asyncio.sleep(0.05)
            assert max(heard.loudness(seconds) for seconds in (1, 2, 4)) > 0.01
            caption = await ann.next("caption", seconds=40)
            assert caption["name"] == "Studio"
            bearer = {"Authorization": f"Bearer {token}"}
            async with place.http.delete(where, headers=bearer) as answer:
                assert answer.status == 204
            assert (await ann.next("left"))["participant_id"] == published["participant_id"]


async def test_who_sends_by_whip_names_addresses_later_and_finds_another_way() -> None:
    async with house() as place, Media() as media:
        await place.open()
        ann, studio = await place.visitor("Ann"), Peer(media, mouth=True)
        bearer = {"Authorization": f"Bearer {await place.token('join', 'publish')}"}
        path, known = f"/api/v1/rooms/{place.room}/whip", await studio.offer()
        known = "".join(line for line in known.splitlines(True) if "candidate" not in line)
        headers = bearer | {"Content-Type": "application/sdp"}
        async with place.http.post(path, data=known, headers=headers) as answer:
            where, tag = answer.headers["Location"], answer.headers["ETag"]
            await studio.accept(described := await answer.text())

        async def tell(tag: str, status: int) -> tuple[str, str]:
            ours = studio.path.ours(1)
            lines = [
                f"a=ice-ufrag:{ours.ufrag}",
                f"a=ice-pwd:{ours.password}",
                "m=audio 9 RTP/SAVP 0",
            ]
            lines += [f"a={one}" for one in ours.candidates]
            kind = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": tag}
            text = "\r\n".join([*lines, "a=end-of-candidates", ""])
            async with place.http.patch(where, data=text, headers=bearer | kind) as answer:
                assert answer.status == status, await answer.text()
                return await answer.text(), answer.headers.get("ETag", "")

        await tell('"another"', 412)
        await tell(tag, 204)
        await studio.connect()
        assert studio.sender
        studio.sender.play(tone(60.0))
        heard = ann.hear((await ann.next("track.published"))["track"]["id"])
        await until(lambda: heard.seconds > 0.5, "sound")
        await studio.path.restart()
        text, newer = await tell("*", 200)
        await tell(tag, 412)
        theirs = sdp.parse(f"v=0\r\n{text}")
        (told,), before = theirs.sections, sdp.parse(described).main
        assert (newer != tag, told.ufrag != before.ufrag, told.complete) == (True, True, True)
        await studio.path.aim(
            theirs,
            replace(before, ufrag=told.ufrag, password=told.password, candidates=told.candidates),
        )
        await studio.path.connect()
        soon = heard.seconds + 1.5
        await until(lambda: heard.seconds > soon, "sound on another way")
        assert ann.find("track.unpublished") == ann.find("left") == []
        await studio.close()


async def test_a_player_hears_whoever_speaks_by_whep() -> None:
    async with house() as place:
        await place.open()
        ann, bo = await place.visitor("Ann"), await place.visitor("Bo")
        await ann.publish()
        await bo.publish()
        token = await place.token("join", "subscribe", name="Player")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
        heard = Heard()
        async with Media() as media:
            player = Peer(media, ears=Ears(on_block=heard))
            path = f"/api/v1/rooms/{place.room}/whep"
            offer = await player.offer()
            async with place.http.post(path, data=offer, headers=headers) as answer:
                assert answer.status == 201, await answer.text()
                where = answer.headers["Location"]
                layer = f'<{where}/layer>; rel="urn:ietf:params:whep:ext:core:layer"'
                assert answer.headers["Link"] == layer
                await player.accept(await answer.text())
            await player.connect()
            kind = {"Content-Type": "application/trickle-ice-sdpfrag"}
            ufrag = player.path.connection.local_username
            for name, status in ((ufrag, 204), ("another", 422)):
                text = f"a=ice-ufrag:{name}\r\n"
                async with place.http.patch(where, data=text, headers=headers | kind) as answer:
                    assert answer.status == status
            for mid, status in (("0", 200), ("7", 404)):
                wish = {"mediaId": mid, "encodingId": "low"}
                bearer = {"Authorization": headers["Authorization"]}
                async with place.http.post(f"{where}/layer", json=wish, headers=bearer) as answer:
                    assert answer.status == status
            for who, pitch in ((ann, 600), (bo, 1_000)):
                who.sender.play(tone(4.0, pitch))
                await until(partial(_hears, heard, pitch), f"{pitch} Hz")
                who.sender.stop()
            async with place.http.delete(where, headers=headers) as answer:
                assert answer.status == 204
            assert (await ann.next("left"))["reason"] == "left"
            await player.close()


def _hears(heard: Heard, pitch: float) -> bool:
    return heard.seconds > 1 and heard.loudness() > 0.05 and abs(heard.frequency() - pitch) < 5


async def test_whip_is_refused_with_a_reason() -> None:
    async with house() as place:
        await place.open()
        path = f"/api/v1/rooms/{place.room}/whip"

        async def ask(token: str, *, body: str = OFFER, kind: str = "application/sdp") -> int:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
            async with place.http.post(path, data=body, headers=headers) as answer:
                return answer.status

        token = await place.token("join", "publish")
        assert await ask("") == 401
        assert await ask(await place.token("join", "subscribe")) == 403
        assert await ask(await place.token("publish"), body=OFFER) in (400, 403)
        assert await ask(token, kind="text/plain") == 415
        assert await ask(token, body="x" * 300_000) == 413
        for body in ("", "v=0", OFFER, OFFER + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\n"):
            assert await ask(token, body=body) == 400
        bearer = {"Authorization": f"Bearer {token}"}
        async with place.http.delete(f"{path}/par_1", headers=bearer) as answer:
            assert answer.status == 404
        encrypted = await place.open(e2ee=True)
        path = f"/api/v1/rooms/{encrypted}/whip"
        assert await ask(await place.token("join", "publish")) == 403
