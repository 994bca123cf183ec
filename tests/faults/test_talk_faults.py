"""
Captions come back by themselves, whatever breaks; nobody has to press a button again.

A part of what `python -m tests.faults.talk` does, which also tells how much is lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.call import FakeListener
from tests.faults.talk import torment
from tests.peers.hpb_stack import HpbStack
from tests.peers.talk.captioned import ROOM, talking
from tests.peers.talk.programs import GENERATIONS, NEWEST
from tests.peers.talk.proxy import Proxy
from transcriber.connectors.talk.call import Server, Talk, Unwelcome
from transcriber.rtc import Media


@pytest.fixture
async def stack() -> AsyncIterator[HpbStack]:
    async with talking(NEWEST) as running:
        yield running


@pytest.mark.parametrize("fault", ["hpb_restart", "janus_restart"])
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_server_may_be_killed(fault: str, generation: str) -> None:
    assert (await torment(fault, generation)).recovered


@pytest.mark.parametrize("fault", ["long_cut", "comings_and_goings"])
async def test_captions_go_on_for_who_asked_once(fault: str) -> None:
    assert (await torment(fault)).recovered


async def test_a_wrong_secret_is_tried_once_and_said(stack: HpbStack) -> None:
    async with Proxy(stack.port) as proxy, Media() as media:
        wrong = Server(proxy.url, stack.nextcloud.base_url, "wrong")
        with pytest.raises(Unwelcome, match="LT_INTERNAL_SECRET"):
            await Talk(wrong, media).connect(ROOM).run(FakeListener())
        assert proxy.connections == 1
