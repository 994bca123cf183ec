"""How deliveries are made, on virtual time: days pass in milliseconds."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from tests.unit.webhooks.conformance import endpoint, message
from tests.unit.webhooks.memory import MemoryStore
from webhooks.models import Message, Outcome, Secret
from webhooks.sender import Reply
from webhooks.signature import new_secret
from webhooks.worker import EndpointDisabled, Notice, Options, Worker

START = 1_700_000_000.0
SECRETS = (Secret(new_secret()),)
GOOD = Reply(200)
BAD = Reply(500, "status 500")


def clock() -> float:
    return START + asyncio.get_running_loop().time()


@dataclass
class World:
    """A store, a receiver that answers as told, and what it has seen."""

    store: MemoryStore = field(default_factory=MemoryStore)
    seen: list[tuple[str, str, float]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    replies: dict[str, Callable[[], Reply]] = field(default_factory=dict)
    slowness: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    flying: int = 0
    most_flying: int = 0

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        name = url.split("/")[2].split(".")[0]
        self.seen.append((name, headers["webhook-id"], clock() - START))
        self.headers.append(headers)
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        await asyncio.sleep(self.slowness[name])
        self.flying -= 1
        return self.replies.get(name, lambda: GOOD)()

    async def subscribe(self, name: str = "whk_a", **fields: object) -> None:
        await self.store.save(endpoint(name, secrets=SECRETS, **fields), now=clock())

    async def add(self, *numbers: int, key: str = "ses") -> None:
        messages = [replace(message(number), key=key) for number in numbers]
        await self.store.add(*messages, now=clock())

    @asynccontextmanager
    async def working(self, options: Options | None = None) -> AsyncIterator[Worker]:
        worker = Worker(
            self.store,
            self.post,
            options=options,
            observe=self.notices.append,
            now=clock,
            chance=lambda: 0.5,
        )
        task = asyncio.ensure_future(worker.run())
        yield worker
        worker.close()
        await task

    def times(self, name: str = "whk_a") -> list[float]:
        return [round(at) for who, _, at in self.seen if who == name]


@pytest.fixture
async def world() -> World:
    return World()


def answers(*replies: Reply) -> Callable[[], Reply]:
    """Answer one after the other, and the last of them for ever."""
    left = list(replies)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


async def test_a_message_is_signed_sent_and_recorded(world: World) -> None:
    await world.subscribe()
    async with world.working():
        await world.add(1)
        await asyncio.sleep(1)
    (headers,) = world.headers
    assert headers["X-Transcriber-Event"] == "speech.final"
    assert headers["X-Transcriber-Delivery"] == headers["webhook-id"] == "evt_0001"
    assert headers["X-Transcriber-Attempt"] == "1"
    assert "X-Transcriber-Replay" not in headers
    (delivery,) = await world.store.deliveries("whk_a", limit=9)
    assert delivery.state == "delivered"


async def test_a_failing_delivery_is_tried_for_a_day_and_then_buried(world: World) -> None:
    await world.subscribe()
    world.replies["whk_a"] = lambda: BAD
    async with world.working(Options(poll=60)):
        await world.add(1)
        await asyncio.sleep(40 * 3600)
    gaps = [round(b - a, -1) for a, b in zip(world.times(), world.times()[1:], strict=False)]
    assert gaps == pytest.approx([60, 300, 1800, 7200, 18000, 36000, 36000], abs=70)
    (delivery,) = await world.store.deliveries("whk_a", state="dead", limit=9)
    assert (delivery.attempts, delivery.error) == (8, "status 500")
    states = [n.state for n in world.notices if isinstance(n, Outcome)]
    assert states == ["pending"] * 7 + ["dead"]


async def test_a_replay_says_that_it_is_one(world: World) -> None:
    await world.subscribe()
    async with world.working():
        await world.add(1)
        await asyncio.sleep(1)
        (delivery,) = await world.store.deliveries("whk_a", limit=9)
        await world.store.replay("whk_a", now=clock(), delivery_id=delivery.id)
        await asyncio.sleep(1)
    first, again = world.headers
    assert again["webhook-id"] == first["webhook-id"]
    assert again["X-Transcriber-Replay"] == "1"


async def test_order_is_kept_among_first_attempts(world: World) -> None:
    await world.subscribe(max_rps=1000)
    world.slowness["whk_a"] = 0.3
    world.replies["whk_a"] = answers(BAD, GOOD, BAD, GOOD)
    async with world.working():
        for number in range(8):
            await world.add(number)
        await asyncio.sleep(600)
    firsts = list(dict.fromkeys(name for _, name, _ in world.seen))
    assert firsts == [message(number).id for number in range(8)]


async def test_sessions_do_not_wait_for_one_another(world: World) -> None:
    await world.subscribe(max_rps=1000)
    world.slowness["whk_a"] = 5
    async with world.working():
        for number in range(40):
            await world.add(number, key=f"session {number}")
        await asyncio.sleep(30)
    assert world.most_flying == 16
    assert max(world.times()) <= 11


async def test_a_slow_endpoint_does_not_delay_another(world: World) -> None:
    await world.subscribe("whk_a", max_rps=1000)
    await world.subscribe("whk_b", max_rps=1000)
    world.slowness["whk_a"] = 30
    async with world.working():
        await world.add(*range(50))
        await asyncio.sleep(1)
        assert len(world.times("whk_b")) == 50
        assert len(world.times("whk_a")) == 1


async def test_the_rate_of_an_endpoint_is_kept(world: World) -> None:
    await world.subscribe(max_rps=5)
    async with world.working():
        for number in range(50):
            await world.add(number, key=str(number))
        await asyncio.sleep(30)
    assert len(world.times()) == 50
    assert 9 <= max(world.times()) <= 11


async def test_an_open_breaker_costs_no_attempts(world: World) -> None:
    await world.subscribe(max_rps=1000)
    world.replies["whk_a"] = lambda: BAD
    async with world.working():
        await world.add(*range(20))
        await asyncio.sleep(50)
        assert len(world.seen) == 5
        untried = [d for d in await world.store.deliveries("whk_a", limit=99) if not d.attempts]
        assert len(untried) == 15
        world.replies["whk_a"] = lambda: GOOD
        await asyncio.sleep(30)
        assert len(world.seen) >= 20
    assert (await world.store.endpoint("whk_a")).health.breaker.failures == 0


async def test_one_delivery_tells_whether_the_receiver_is_back(world: World) -> None:
    await world.subscribe(max_rps=1000)
    world.replies["whk_a"] = lambda: BAD
    async with world.working():
        for number in range(30):
            await world.add(number, key=str(number))
        await asyncio.sleep(59)
        tried = len(world.seen)
        await asyncio.sleep(10)
        assert len(world.seen) == tried + 1


async def test_a_receiver_that_asks_for_quiet_gets_it(world: World) -> None:
    await world.subscribe(max_rps=1000)
    world.replies["whk_a"] = answers(Reply(429, "status 429", retry_after="30"), GOOD)
    async with world.working():
        await world.add(1, 2)
        await asyncio.sleep(29)
        assert len(world.seen) == 1
        await asyncio.sleep(200)
    assert [name for _, name, _ in world.seen] == ["evt_0001", "evt_0002", "evt_0001"]
    assert world.times() == [0, pytest.approx(31, abs=1), pytest.approx(63, abs=4)]


async def test_an_endpoint_that_is_gone_is_disabled_and_its_owner_told(world: World) -> None:
    await world.subscribe()
    world.replies["whk_a"] = lambda: Reply(410, "status 410")
    async with world.working():
        await world.add(1, 2, 3)
        await asyncio.sleep(1)
    assert len(world.seen) == 1
    (told,) = [n for n in world.notices if isinstance(n, EndpointDisabled)]
    assert (told.endpoint.id, told.buried) == ("whk_a", 3)
    assert "410" in told.reason
    assert not (await world.store.endpoint("whk_a")).active


async def test_an_endpoint_that_only_fails_is_disabled_after_five_days(world: World) -> None:
    await world.subscribe()
    world.replies["whk_a"] = lambda: BAD
    async with world.working(Options(poll=1800)):
        for day in range(7):
            await world.add(day)
            await asyncio.sleep(86400)
    (told,) = [n for n in world.notices if isinstance(n, EndpointDisabled)]
    assert "hours" in told.reason


async def test_a_changed_endpoint_is_used_at_once(world: World) -> None:
    await world.subscribe("whk_a", max_rps=1)
    async with world.working():
        await world.add(*range(10))
        await asyncio.sleep(2)
        known = await world.store.endpoint("whk_a")
        await world.store.save(replace(known, url="https://whk_z.example/"), now=clock())
        await asyncio.sleep(30)
    assert len(world.times("whk_a")) <= 4
    assert len(world.seen) == 10
    assert [name for _, name, _ in world.seen] == [message(n).id for n in range(10)]


async def test_a_store_that_is_away_loses_nothing_and_repeats_nothing(world: World) -> None:
    await world.subscribe(max_rps=1000)
    world.slowness["whk_a"] = 1
    async with world.working(Options(lease=300)):
        await world.add(1, 2, 3)
        await asyncio.sleep(0.5)
        world.store.away = True
        await asyncio.sleep(60)
        assert len(world.seen) == 1
        world.store.away = False
        await asyncio.sleep(10)
    assert [name for _, name, _ in world.seen] == ["evt_0001", "evt_0002", "evt_0003"]


async def test_another_worker_takes_over_when_one_dies(world: World) -> None:
    await world.subscribe(max_rps=1)
    async with world.working() as second:
        second.close()
    dying = Worker(world.store, world.post, now=clock)
    task = asyncio.ensure_future(dying.run())
    await world.add(*range(5))
    await asyncio.sleep(1.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with world.working():
        await asyncio.sleep(25)
        assert len(world.seen) == 2
        await asyncio.sleep(30)
    assert {name for _, name, _ in world.seen} == {message(n).id for n in range(5)}


async def test_a_worker_that_is_closed_finishes_what_is_in_flight(world: World) -> None:
    await world.subscribe()
    world.slowness["whk_a"] = 5
    async with world.working():
        await world.add(1, 2)
        await asyncio.sleep(1)
    states = [d.state for d in await world.store.deliveries("whk_a", limit=9)]
    assert sorted(states) == ["delivered", "pending"]
    assert (await world.store.claim("x", now=clock(), until=clock() + 9, keep=(), limit=9)).due


async def test_a_worker_that_is_closed_does_not_wait_for_ever(world: World) -> None:
    await world.subscribe()
    world.slowness["whk_a"] = 3600
    async with world.working(Options(grace=10)):
        await world.add(1)
        await asyncio.sleep(1)
    assert clock() - START < 20


async def test_a_secret_that_cannot_sign_is_a_failed_attempt(world: World) -> None:
    await world.store.save(endpoint(secrets=(Secret("whsec_?"),)), now=clock())
    async with world.working():
        await world.store.add(Message("evt_1", "error", b"{}"), now=clock())
        await asyncio.sleep(1)
    (attempt,) = await world.store.attempts("whk_a", limit=9)
    assert "base64" in attempt.error


async def test_old_messages_are_forgotten(world: World) -> None:
    await world.subscribe()
    async with world.working(Options(keep=3600, poll=600)):
        await world.add(1)
        await asyncio.sleep(3 * 3600)
    assert await world.store.deliveries("whk_a", limit=9) == []
