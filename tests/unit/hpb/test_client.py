"""A client and its connection: losses, pauses, goodbyes."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hpb.auth import Internal
from hpb.client import INBOX, PATIENCE, Client
from hpb.errors import Congested, LockedOut, Lost, Refused, TooBig
from hpb.events import Entered, Event, Failed, Joined, Offline
from hpb.outbox import LIMIT
from hpb.protocol import Signaling
from hpb.pulse import QUIET, SILENCE
from hpb.requests import to_room, to_session
from hpb.retry import LOCK_OUTS, Retry
from tests.unit.hpb.server import event, signaling
from tests.unit.hpb.wires import Network

E = TypeVar("E")
ENTERED = event("room", "join", join=[{"sessionid": "ann"}])


@pytest.fixture
def network() -> Network:
    return Network()


def client(network: Network, *, patience: float = 600.0) -> Client:
    return Client("unused", signaling(), retry=Retry(patience=patience), dial=network.dial)


async def until(events: AsyncIterator[Event], kind: type[E]) -> E:
    async for found in events:
        if isinstance(found, kind):
            return found
    raise AssertionError(f"no {kind.__name__} came")


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_it_joins_and_says_goodbye(network: Network) -> None:
    async with client(network) as hpb:
        joined = await until(aiter(hpb), Joined)
        assert not joined.resumed
        assert hpb.joined
        assert (hpb.session_id, hpb.version) == ("session-1", "2.0.2")
        assert "mcu" in hpb.features
    assert network.server.types() == ["hello", "internal", "room", "bye"]


async def test_after_a_cut_it_resumes_within_a_second(network: Network) -> None:
    async with client(network) as hpb:
        events = aiter(hpb)
        await until(events, Joined)
        network.cut()
        offline = await until(events, Offline)
        assert offline.reason == "closed with 1006"
        assert (await until(events, Joined)).resumed
    assert now() < 1


async def test_it_comes_back_when_the_server_does(network: Network) -> None:
    async with client(network) as hpb:
        events = aiter(hpb)
        await until(events, Joined)
        network.down = True
        network.server.forget()
        network.cut()
        asyncio.get_running_loop().call_later(120, setattr, network, "down", False)
        assert not (await until(events, Joined)).resumed
        assert 120 < now() < 140
    assert len(network.dials) < 100


async def test_it_gives_up_when_patience_ends(network: Network) -> None:
    network.down = True
    async with client(network, patience=60) as hpb:
        with pytest.raises(Lost, match="connection refused"):
            await until(aiter(hpb), Joined)
        with pytest.raises(Lost):
            await hpb.send(to_room({}))
    assert 60 < now() < 80


async def test_a_wrong_secret_is_tried_once(network: Network) -> None:
    network.server.refusal = "invalid_token"
    async with client(network) as hpb:
        with pytest.raises(Refused, match="invalid_token"):
            await until(aiter(hpb), Joined)
    assert len(network.dials) == 1


async def test_a_lock_out_is_waited_out(network: Network) -> None:
    network.server.refusal = "too_many_requests"
    asyncio.get_running_loop().call_later(1800, setattr, network.server, "refusal", "")
    async with client(network) as hpb:
        events = aiter(hpb)
        assert (await until(events, Offline)).pause >= 300
        await until(events, Joined)
    assert len(network.dials) < 6


async def test_a_lock_out_is_not_waited_for_ever(network: Network) -> None:
    network.server.refusal = "too_many_requests"
    async with client(network) as hpb:
        with pytest.raises(LockedOut):
            await until(aiter(hpb), Joined)
    assert len(network.dials) == LOCK_OUTS + 1


async def test_greetings_that_are_not_answered_are_repeated_slowly(network: Network) -> None:
    network.silent = True
    async with client(network) as hpb:
        events = aiter(hpb)
        for _ in range(5):
            assert (await until(events, Offline)).pause >= 3


async def test_a_quiet_room_is_no_reason_to_reconnect(network: Network) -> None:
    async with client(network) as hpb:
        await until(aiter(hpb), Joined)
        await asyncio.sleep(3600)
        assert hpb.joined
    assert len(network.dials) == 1
    assert network.pings[:2] == [QUIET, 2 * QUIET]


async def test_a_dead_connection_is_noticed(network: Network) -> None:
    async with client(network) as hpb:
        events = aiter(hpb)
        await until(events, Joined)
        network.silent = True
        offline = await until(events, Offline)
        assert "no sign of life" in offline.reason
        assert now() == SILENCE
        network.silent = False
        assert (await until(events, Joined)).resumed


async def test_what_cannot_be_written_is_a_dead_connection_too(network: Network) -> None:
    async with client(network) as hpb:
        events = aiter(hpb)
        await until(events, Joined)
        network.stalled = True
        await hpb.send(to_session("ann", {}))
        assert (await until(events, Offline)).reason == "nothing can be written"
        network.stalled = False
        await until(events, Joined)


async def test_messages_wait_for_the_connection(network: Network) -> None:
    async with client(network) as hpb:
        events = aiter(hpb)
        await until(events, Joined)
        network.cut()
        await until(events, Offline)
        await hpb.send(to_session("ann", {"type": "late"}))
        assert hpb.waiting == 1
        await until(events, Joined)
        await asyncio.sleep(0.1)
        assert hpb.waiting == 0
    assert network.server.heard[-2]["message"]["data"] == {"type": "late"}


async def test_messages_of_a_lost_session_come_back(network: Network) -> None:
    request = to_session("ann", {"type": "late"})
    async with client(network) as hpb:
        events = aiter(hpb)
        await until(events, Joined)
        network.server.forget()
        network.cut()
        await until(events, Offline)
        id_ = await hpb.send(request)
        failed = await until(events, Failed)
        assert (failed.code, failed.request, failed.id) == ("session_lost", request, id_)


async def test_who_sends_too_much_waits_and_then_is_told(network: Network) -> None:
    network.down = True
    async with client(network) as hpb:
        for _ in range(LIMIT):
            await hpb.send(to_session("ann", {}))
        with pytest.raises(Congested, match="1000 messages wait"):
            await hpb.send(to_session("ann", {}))
        assert now() == PATIENCE
        network.down = False
        await hpb.send(to_session("ann", {}))


async def test_who_waits_to_send_is_let_go_at_the_end(network: Network) -> None:
    network.server.refusal = "invalid_token"
    async with client(network) as hpb:
        for _ in range(LIMIT):
            await hpb.send(to_session("ann", {}))
        with pytest.raises(Refused):
            await hpb.send(to_session("ann", {}))


async def test_what_is_too_big_is_refused_at_once(network: Network) -> None:
    async with client(network) as hpb:
        await until(aiter(hpb), Joined)
        with pytest.raises(TooBig):
            await hpb.send(to_room({"text": "a" * 70_000}))
        assert hpb.joined


async def test_broadcasts_are_paced(network: Network) -> None:
    async with client(network) as hpb:
        await until(aiter(hpb), Joined)
        for _ in range(232):
            await hpb.send(to_room({}))
        await asyncio.sleep(1.9)
        assert 0 < hpb.waiting < 20
        await asyncio.sleep(0.2)
        assert hpb.waiting == 0


async def test_flags_can_change(network: Network) -> None:
    async with client(network) as hpb:
        await until(aiter(hpb), Joined)
        hpb.set_in_call(3)
        await asyncio.sleep(0.1)
    assert network.server.heard[-2]["internal"]["incall"] == {"incall": 3}


async def test_who_takes_no_events_stops_the_reading_but_loses_none(network: Network) -> None:
    async with client(network) as hpb:
        await asyncio.sleep(0.1)
        for _ in range(2 * INBOX):
            network.say(ENTERED)
        await asyncio.sleep(0.1)
        assert network.wires[-1].inbox.qsize() >= INBOX - 1
        events = aiter(hpb)
        for _ in range(2 * INBOX):
            await until(events, Entered)


async def test_leaving_with_a_full_inbox_does_not_hang(network: Network) -> None:
    async with client(network):
        await asyncio.sleep(0.1)
        for _ in range(2 * INBOX):
            network.say(ENTERED)
        await asyncio.sleep(0.1)
    assert network.server.types()[-1] == "bye"


async def test_leaving_does_not_wait_for_a_server_that_is_gone(network: Network) -> None:
    async with client(network) as hpb:
        await until(aiter(hpb), Joined)
        network.silent = True
        left = now()
    assert now() - left <= 2


async def test_a_connection_that_ends_instead_of_goodbye_is_no_loss(network: Network) -> None:
    async with client(network) as hpb:
        await until(aiter(hpb), Joined)
        network.silent = True
        asyncio.get_running_loop().call_later(1, network.cut)
    assert now() == 1
    assert len(network.dials) == 1


async def test_leaving_while_offline_is_immediate(network: Network) -> None:
    network.down = True
    async with client(network) as hpb:
        await until(aiter(hpb), Offline)
        left = now()
    assert now() == left


async def test_what_goes_wrong_in_the_block_comes_out_as_it_is(network: Network) -> None:
    with pytest.raises(KeyError):
        async with client(network):
            raise KeyError("mine")


async def test_cancelling_leaves_nothing_behind(network: Network) -> None:
    async def stay() -> None:
        async with client(network) as hpb:
            async for _ in hpb:
                pass

    task = asyncio.create_task(stay())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert network.server.types()[-1] == "bye"


async def test_two_clients_do_not_share_anything(network: Network) -> None:
    other = Network()
    async with client(network) as one, client(other) as two:
        await until(aiter(one), Joined)
        await until(aiter(two), Joined)
        network.cut()
        await asyncio.sleep(0)
        assert two.joined


STEPS = st.lists(
    st.sampled_from(["cut", "restart", "down", "up", "silent", "loud", "wait", "send", "rubbish"]),
    max_size=25,
)


@given(STEPS)
async def test_whatever_happens_to_the_network_it_comes_back(steps: list[str]) -> None:
    network = Network()
    async with client(network, patience=1e6) as hpb:
        for step in steps:
            network.play(step)
            if step == "send":
                await hpb.send(to_session("ann", {}))
            await asyncio.sleep(100 if step == "wait" else 0.1)
        network.play("up")
        network.play("loud")
        await asyncio.sleep(100)
        assert hpb.joined
        assert hpb.waiting == 0
    assert network.server.types()[-1] == "bye"


@contextmanager
def captured() -> Iterator[list[str]]:
    with structlog.testing.capture_logs() as logs:
        lines: list[str] = []
        yield lines
    lines += map(json.dumps, logs)


async def test_neither_secrets_nor_names_are_logged(network: Network) -> None:
    bot = Internal("https://cloud.example", "hush")
    with captured() as lines:
        async with Client("unused", Signaling("r", bot), dial=network.dial) as hpb:
            events = aiter(hpb)
            await until(events, Joined)
            network.say(event("room", "join", join=[{"user": {"displayname": "Ann Example"}}]))
            await until(events, Entered)
            network.cut()
            await until(events, Offline)
            await until(events, Joined)
    assert len(lines) == 3
    assert not any("hush" in line or "Example" in line for line in lines)
