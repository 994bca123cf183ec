"""Captions come back by themselves, whatever breaks; nobody has to press a button again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.call import FakeListener
from tests.peers import until
from tests.peers.hpb_stack import HpbStack
from tests.peers.talk.captioned import AMIABLE, ROOM, Place, captioned, sentence, talking
from tests.peers.talk.programs import GENERATIONS
from tests.peers.talk.proxy import Proxy
from transcriber.connectors.talk.call import Server, Talk, Unwelcome
from transcriber.engines.stt.base import Stt
from transcriber.engines.stt.local import Local, LocalOptions
from transcriber.rtc import Media

LONG = 34.0
"""Seconds after which the server has forgotten a session: it keeps one for 30."""


@pytest.fixture
async def local() -> AsyncIterator[Stt]:
    async with Local(LocalOptions()) as engine:
        yield engine


@pytest.fixture(params=GENERATIONS)
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[HpbStack]:
    async with talking(request.param) as running:
        yield running


async def hears(place: Place, reader: str, folder: Path) -> None:
    """Let somebody new speak, and somebody new, who asked before, read it."""
    bob = await place.reader(reader, asks=False)
    async with place.speaker("ann", sentence(folder)) as ann:
        await until(lambda: bob.words(ann)[-8:] == AMIABLE)


async def test_a_session_that_was_lost_is_replaced(
    stack: HpbStack, local: Stt, tmp_path: Path
) -> None:
    async with Proxy(stack.port) as proxy, captioned(stack, local, url=proxy.url) as place:
        bob = await place.reader("bob")
        async with place.speaker("ann", sentence(tmp_path)) as ann:
            await until(lambda: bob.words(ann)[:8] == AMIABLE)
            proxy.refuse = True
            proxy.cut()
            await asyncio.sleep(LONG)
            read = len(bob.words(ann))
            proxy.refuse = False
            await until(lambda: len(bob.words(ann)) > read and bob.words(ann)[-8:] == AMIABLE)
    assert len(place.calls) == 1


async def test_the_signaling_server_may_be_killed(
    stack: HpbStack, local: Stt, tmp_path: Path
) -> None:
    async with captioned(stack, local) as place:
        await place.captions.read(ROOM, "nc-bob")
        await until(lambda: place.calls and place.calls[0]._hpb and place.calls[0]._hpb.joined)
        await stack.server.stop(signal.SIGKILL)
        await stack.server.start()
        await hears(place, "bob", tmp_path)
    assert len(place.calls) == 1


async def test_the_media_server_may_be_killed(stack: HpbStack, local: Stt, tmp_path: Path) -> None:
    async with captioned(stack, local) as place:
        bob = await place.reader("bob")
        async with place.speaker("ann", sentence(tmp_path)) as ann:
            await until(lambda: bob.words(ann)[:8] == AMIABLE)
            await stack.janus.stop(signal.SIGKILL)
            await asyncio.sleep(1)
            await stack.janus.start()
            await stack.server.ready()
        await place.captions.read(ROOM, "nc-cid")
        await hears(place, "cid", tmp_path)
    assert len(place.calls) == 1


async def test_a_wrong_secret_is_tried_once_and_said(stack: HpbStack) -> None:
    async with Proxy(stack.port) as proxy, Media() as media:
        wrong = Server(proxy.url, stack.nextcloud.base_url, "wrong")
        with pytest.raises(Unwelcome, match="LT_INTERNAL_SECRET"):
            await Talk(wrong, media).connect(ROOM).run(FakeListener())
        assert proxy.connections == 1


async def test_a_speaker_may_come_and_go_many_times(
    stack: HpbStack, local: Stt, tmp_path: Path
) -> None:
    async with captioned(stack, local) as place:
        bob = await place.reader("bob")
        async with place.speaker("ann", sentence(tmp_path)) as ann:
            await until(lambda: bob.words(ann)[:8] == AMIABLE)
            for _ in range(10):
                await stack.nextcloud.set_in_call("nc-ann", 1)
                await asyncio.sleep(0.1)
                await stack.nextcloud.set_in_call("nc-ann", 3)
                await asyncio.sleep(0.3)
            read = len(bob.words(ann))
            await until(lambda: len(bob.words(ann)) > read and bob.words(ann)[-8:] == AMIABLE)
