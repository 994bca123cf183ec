"""What happens to networks and servers, and how a client comes back from it."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator

import pytest

from hpb import Entered, Failed, Joined, Message, Offline, pulse
from hpb.requests import caption, to_session
from tests.peers.hpb_stack import HpbStack
from tests.peers.talk.programs import GENERATIONS, NEWEST
from tests.peers.talk.proxy import Proxy
from tests.peers.talk.watch import Watched, watch

EXPIRY = 34.0
"""Seconds after which the server has forgotten a session whose connection is gone."""


@pytest.fixture(params=GENERATIONS)
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[HpbStack]:
    async with HpbStack(request.param) as running:
        running.nextcloud.rooms["r"] = {"name": "Room", "type": 2}
        yield running


@pytest.fixture
async def newest() -> AsyncIterator[HpbStack]:
    async with HpbStack(NEWEST) as running:
        running.nextcloud.rooms["r"] = {"name": "Room", "type": 2}
        yield running


@pytest.fixture
async def proxy(request: pytest.FixtureRequest) -> AsyncIterator[Proxy]:
    name = "newest" if "newest" in request.fixturenames else "stack"
    running: HpbStack = request.getfixturevalue(name)
    async with Proxy(running.port) as network:
        yield network


async def tell(who: Watched, whom: Watched, text: str) -> str:
    said = caption(text, language="en", speaker="s")
    return await who.hpb.send(to_session(whom.hpb.session_id, said))


async def test_after_a_cut_the_session_goes_on(stack: HpbStack, proxy: Proxy) -> None:
    clients = stack.user("ann", "r"), stack.bot("r", url=proxy.url)
    async with watch(*clients) as (ann, bot):
        session_id = bot.hpb.session_id
        proxy.refuse = True
        proxy.cut()
        await bot.until(Offline)
        await asyncio.sleep(0.5)  # the server notices, too
        await tell(ann, bot, "meanwhile")
        await tell(bot, ann, "later")
        proxy.refuse = False
        assert await bot.joined() == Joined(session_id, resumed=True)
        assert await bot.captions(1) == ["meanwhile"]
        assert await ann.captions(1) == ["later"]


async def test_after_a_long_cut_there_is_a_new_session(newest: HpbStack, proxy: Proxy) -> None:
    clients = newest.user("ann", "r"), newest.bot("r", url=proxy.url)
    async with watch(*clients) as (ann, bot):
        session_id = bot.hpb.session_id
        proxy.refuse = True
        proxy.cut()
        await bot.until(Offline)
        id_ = await tell(bot, ann, "too late")
        await asyncio.sleep(EXPIRY)
        proxy.refuse = False
        joined = await bot.joined(within=20)
        assert not joined.resumed
        assert joined.session_id != session_id
        assert (await bot.until(Failed)).id == id_
        await bot.until(Entered, lambda found: any(who.user_id for who in found.members))
        await tell(bot, ann, "in time")
        assert await ann.captions(1) == ["in time"]


async def test_a_cut_at_any_byte_of_coming_back_is_survived(newest: HpbStack, proxy: Proxy) -> None:
    async with watch(newest.bot("r", url=proxy.url)) as (bot,):
        for bytes_ in range(0, 1500, 125):
            proxy.cut_after(bytes_)
            proxy.cut()
            await bot.until(Offline)
            assert (await bot.joined()).resumed
        assert proxy.connections > 12


async def test_a_cut_in_the_middle_of_a_message_is_survived(stack: HpbStack, proxy: Proxy) -> None:
    clients = stack.user("ann", "r"), stack.bot("r", url=proxy.url)
    async with watch(*clients) as (ann, bot):
        proxy.cut_after(1000)
        await tell(ann, bot, "a" * 20_000)
        await bot.until(Offline)
        assert (await bot.joined()).resumed
        await tell(ann, bot, "whole")
        texts = await bot.captions(1)
        assert (texts if texts == ["whole"] else await bot.captions(1)) == ["whole"]


async def test_a_dead_connection_is_noticed_and_replaced(
    newest: HpbStack, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "QUIET", 0.5)
    monkeypatch.setattr(pulse, "SILENCE", 4.0)
    async with watch(newest.bot("r", url=proxy.url)) as (bot,):
        told = await bot.during(6.0)
        assert not [one for one in told if isinstance(one, Offline)], "pings keep it alive"
        proxy.swallow = True
        assert "no sign of life" in (await bot.until(Offline)).reason
        proxy.swallow = False
        assert (await bot.joined()).resumed


async def test_a_slow_network_only_takes_longer(stack: HpbStack, proxy: Proxy) -> None:
    proxy.delay = 0.3
    clients = stack.user("ann", "r"), stack.bot("r", url=proxy.url)
    async with watch(*clients) as (ann, bot):
        await tell(bot, ann, "slowly")
        assert await ann.captions(1) == ["slowly"]


async def test_cuts_again_and_again_lose_little_and_never_the_session(
    newest: HpbStack, proxy: Proxy
) -> None:
    clients = newest.user("ann", "r"), newest.bot("r", url=proxy.url)
    async with watch(*clients) as (ann, bot):
        session_id, sent = bot.hpb.session_id, 0
        for _ in range(10):
            for _ in range(random.randrange(5, 15)):
                await tell(bot, ann, f"{sent}")
                sent += 1
                await asyncio.sleep(random.uniform(0, 0.03))
            proxy.cut()
            assert (await bot.joined()).resumed
        await tell(bot, ann, "last")
        texts: list[str] = []
        while texts[-1:] != ["last"]:
            texts += await ann.captions(1)
        numbers = [int(text) for text in texts[:-1]]
        assert numbers == sorted(set(numbers))
        assert len(numbers) >= sent - 10
        assert bot.hpb.session_id == session_id


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_server_that_was_restarted_is_joined_anew(
    stack: HpbStack, how: signal.Signals
) -> None:
    async with watch(stack.user("ann", "r"), stack.bot("r")) as (ann, bot):
        await stack.server.stop(how)
        await bot.until(Offline)
        await asyncio.sleep(1.0)
        await stack.server.start()
        for who in (ann, bot):
            assert not (await who.joined()).resumed
        await tell(bot, ann, "back again")
        assert await ann.captions(1) == ["back again"]


async def test_a_server_that_drains_is_left_only_when_it_has_to_be(newest: HpbStack) -> None:
    async with Proxy(newest.port) as proxy:
        clients = newest.user("ann", "r"), newest.bot("r", url=proxy.url)
        async with watch(*clients) as (ann, bot):
            newest.server.send(signal.SIGUSR1)
            await asyncio.sleep(0.5)
            await tell(bot, ann, "still here")
            assert await ann.captions(1) == ["still here"]
            proxy.cut()
            await bot.until(Offline)
            assert not [found for found in await bot.during(2.0) if isinstance(found, Joined)]
            await newest.server.stop(signal.SIGKILL)
            await newest.server.start()
            assert not (await bot.joined(within=20)).resumed


@pytest.mark.parametrize("keys", ["same", "new"])
async def test_many_come_back_at_once_without_being_locked_out(newest: HpbStack, keys: str) -> None:
    async with watch(*(newest.bot(f"room{number}") for number in range(40))) as bots:
        await newest.server.stop(signal.SIGKILL)
        if keys == "new":  # then the old sessions' ids look forged, which is counted and slowed
            newest.configure()
        await newest.server.start()
        joined = await asyncio.gather(*(bot.joined(within=40) for bot in bots))
        assert not any(found.resumed for found in joined)


async def test_janus_may_come_and_go(stack: HpbStack) -> None:
    async with watch(stack.user("ann", "r"), stack.bot("r")) as (ann, bot):
        await stack.janus.stop(signal.SIGKILL)
        await tell(bot, ann, "without Janus")
        assert await ann.captions(1) == ["without Janus"]
        await stack.janus.start()
        await stack.server.ready()
        told = await bot.during(0.2)
        assert not [found for found in told if isinstance(found, Offline | Message)]
