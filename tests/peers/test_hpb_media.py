"""A whole call: people speak through Janus, a bot hears them, and readers get captions."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from aiortc import MediaStreamTrack

from hpb import Failed, Left, Offer, Offline
from hpb.requests import Ice, candidate, caption, to_session
from tests.peers.hpb_stack import HpbStack
from tests.peers.rtc import network
from tests.peers.speech import convert, samples
from tests.peers.talk.audio import Sound, likeness, listen, measure, tone
from tests.peers.talk.browser import browsing
from tests.peers.talk.media import hearing, speaking
from tests.peers.talk.programs import GENERATIONS
from tests.peers.talk.proxy import Proxy
from tests.peers.talk.watch import Watched, watch


@pytest.fixture(params=GENERATIONS)
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[HpbStack]:
    with network() as address:
        async with HpbStack(request.param, mcu_timeout=10, media_address=address) as running:
            running.nextcloud.rooms["r"] = {"name": "Room", "type": 2}
            yield running


@asynccontextmanager
async def call(
    stack: HpbStack, sound: Sound, *, url: str = ""
) -> AsyncIterator[tuple[Watched, str, MediaStreamTrack]]:
    """Let a bot hear one speaker; gives the bot, the speaker's session and what is heard."""
    async with watch(stack.user("ann", "r"), stack.bot("r", url=url)) as (ann, bot):
        await stack.nextcloud.set_in_call("nc-ann", 3)
        speaker = ann.hpb.session_id
        async with speaking(ann, sound), hearing(bot, speaker) as track:
            yield bot, speaker, track


async def pitch(track: MediaStreamTrack) -> float:
    return (await measure(track)).hertz


async def test_a_bot_hears_each_speaker_and_captions_reach_the_readers(stack: HpbStack) -> None:
    people = [stack.user(name, "r") for name in ("ann", "bob", "cid")]
    async with watch(stack.bot("r"), *people) as (bot, ann, bob, cid):
        for name in ("ann", "bob"):
            await stack.nextcloud.set_in_call(f"nc-{name}", 3)
        async with speaking(ann, tone(700)), speaking(bob, tone(1100)):
            for person, hertz in ((ann, 700), (bob, 1100)):
                async with hearing(bot, person.hpb.session_id) as track:
                    heard = await measure(track)
                assert heard.hertz == pytest.approx(hertz, abs=5)
                assert heard.rms == pytest.approx(0.25, abs=0.03)
                words = caption(f"{hertz}", language="en", speaker=person.hpb.session_id)
                await bot.hpb.send(to_session(cid.hpb.session_id, words))
        assert await cid.captions(2) == ["700", "1100"]


async def test_real_speech_arrives_whole(stack: HpbStack, tmp_path: Path) -> None:
    path = convert(tmp_path / "speech.wav", "-ar", "48000", "-ac", "1", "-t", "8")
    speech, _ = samples(path)
    async with call(stack, Sound(speech)) as (_, _, track):
        await listen(track, 0.5)  # the decoder settles
        heard = await listen(track, 4.0)
    assert likeness(heard, np.concatenate([speech, speech])) > 0.95


async def test_a_speaker_who_comes_back_is_heard_again(stack: HpbStack) -> None:
    async with watch(stack.user("ann", "r"), stack.bot("r")) as (ann, bot):
        await stack.nextcloud.set_in_call("nc-ann", 3)
        for hertz in (700, 1100):
            async with speaking(ann, tone(hertz)), hearing(bot, ann.hpb.session_id) as track:
                assert await pitch(track) == pytest.approx(hertz, abs=5)
            await asyncio.sleep(2)  # a server of the second generation needs it to clear up


async def test_a_bot_may_speak(stack: HpbStack) -> None:
    async with watch(stack.user("ann", "r"), stack.bot("r")) as (ann, bot):
        await stack.nextcloud.set_in_call("nc-ann", 1)
        bot.hpb.set_in_call(3)
        async with speaking(bot, tone(440)), hearing(ann, bot.hpb.session_id) as track:
            assert await pitch(track) == pytest.approx(440, abs=5)


async def test_a_subscription_outlives_the_socket(stack: HpbStack) -> None:
    async with (
        Proxy(stack.port) as proxy,
        call(stack, tone(1000), url=proxy.url) as (bot, _, track),
    ):
        proxy.cut()
        await bot.until(Offline)
        assert await pitch(track) == pytest.approx(1000, abs=5)
        assert (await bot.joined()).resumed
        assert await pitch(track) == pytest.approx(1000, abs=5)


async def test_a_message_about_another_connection_does_no_harm(stack: HpbStack) -> None:
    async with call(stack, tone(1000)) as (bot, speaker, track):
        ice = Ice("candidate:1 1 udp 1 192.0.2.10 9 typ host")
        request = candidate(speaker, ice, sid="wrong")
        id_ = await bot.hpb.send(request)
        failed = await bot.until(Failed)
        assert (failed.id, failed.request) == (id_, request)
        assert failed.code in ("client_not_found", "processing_failed")
        assert await pitch(track) == pytest.approx(1000, abs=5)


async def test_no_more_candidates_is_understood(stack: HpbStack) -> None:
    async with call(stack, tone(1000)) as (bot, speaker, track):
        offered = next(found for found in bot.seen if isinstance(found, Offer))
        await bot.hpb.send(candidate(speaker, None, sid=offered.sid))
        assert await pitch(track) == pytest.approx(1000, abs=5)
        assert not [found for found in await bot.during(0.2) if isinstance(found, Failed)]


async def test_a_browser_is_heard_and_shows_the_caption(stack: HpbStack, tmp_path: Path) -> None:
    path = convert(tmp_path / "speech.wav", "-ar", "48000", "-ac", "1", "-t", "8")
    speech, _ = samples(path)
    async with (
        watch(stack.bot("r")) as (bot,),
        browsing(stack, "ann", "r", path) as (browser, chromium),
        hearing(bot, browser.session_id) as track,
    ):
        await listen(track, 0.5)  # the decoder settles
        heard = await listen(track, 4.0)
        words = caption("hello", language="en", speaker=browser.session_id)
        await bot.hpb.send(to_session(browser.session_id, words))
        assert (await browser.until("caption"))["shown"] == "hello"
        chromium.send(signal.SIGKILL)
        assert not [found for found in await bot.during(2.0) if isinstance(found, Left)]
    assert likeness(heard, np.concatenate([speech, speech])) > 0.9
