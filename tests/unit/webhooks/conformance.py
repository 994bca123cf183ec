"""
What every store has to do, whatever it is made of.

`tests/unit/webhooks` runs this on the fake that other tests use, `tests/peers` on SQLite and on
PostgreSQL. A test class inherits `StoreConformance` and offers a `store` fixture.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from webhooks.breaker import Breaker
from webhooks.errors import Conflict, Unknown
from webhooks.models import Attempt, Delivery, Endpoint, Health, Message, Outcome, Secret, State
from webhooks.store import Claim, Lease, Store

NOW = 1_700_000_000.0
SECRETS = (Secret("whsec_new"), Secret("whsec_old", until=NOW + 60))


def endpoint(endpoint_id: str = "whk_a", **fields: Any) -> Endpoint:
    return replace(Endpoint(endpoint_id, f"https://{endpoint_id}.example/", SECRETS), **fields)


def message(number: int = 1, *, kind: str = "speech.final", channel: str = "r") -> Message:
    return Message(f"evt_{number:04}", kind, b'{"n":%d}' % number, channel=channel, key="ses")


def outcome(
    delivery: Delivery, state: State, *, due_at: float = NOW, health: Health | None = None
) -> Outcome:
    good = state == "delivered"
    attempt = Attempt(
        delivery_id=delivery.id,
        endpoint_id=delivery.endpoint_id,
        message_id=delivery.message.id,
        type=delivery.message.type,
        number=delivery.attempts + 1,
        replay=delivery.replays,
        at=NOW,
        duration_ms=12,
        status=200 if good else 500,
        error="" if good else "status 500",
        response="ok" if good else "oh no",
    )
    return Outcome(attempt, state, due_at, health)


async def claim(
    store: Store, owner: str = "one", *, now: float = NOW, keep: tuple[str, ...] = ()
) -> Claim:
    return await store.claim(owner, now=now, until=now + 30, keep=keep, limit=10)


async def due(store: Store, name: str = "whk_a", *, now: float = NOW) -> list[Delivery]:
    return await store.due(name, now=now, limit=100, skip=())


class EndpointConformance:
    """Who is told, and of what."""

    async def test_an_endpoint_is_read_as_it_was_saved(self, store: Store) -> None:
        wished = endpoint(
            name="Anna's", description="d", types=("speech.*",), channels=("r",), max_rps=2.5
        )
        saved = await store.save(wished, now=NOW)
        assert saved == replace(wished, version=1, created_at=NOW, modified_at=NOW)
        assert await store.endpoint("whk_a") == saved

    async def test_an_endpoint_is_changed_only_by_who_knows_it(self, store: Store) -> None:
        first = await store.save(endpoint(), now=NOW)
        second = await store.save(replace(first, name="b", active=False), now=NOW + 1)
        assert (second.version, second.name, second.active) == (2, "b", False)
        assert (second.created_at, second.modified_at) == (NOW, NOW + 1)
        with pytest.raises(Conflict):
            await store.save(replace(first, name="c"), now=NOW)
        with pytest.raises(Conflict):
            await store.save(endpoint(), now=NOW)
        with pytest.raises(Unknown):
            await store.save(endpoint("whk_x", version=3), now=NOW)

    async def test_endpoints_come_in_pages(self, store: Store) -> None:
        for name in ("whk_c", "whk_a", "whk_b"):
            await store.save(endpoint(name), now=NOW)
        first = await store.endpoints(limit=2)
        rest = await store.endpoints(limit=2, after=first[-1].id)
        assert [e.id for e in first + rest] == ["whk_a", "whk_b", "whk_c"]

    async def test_a_deleted_endpoint_is_forgotten_with_all_it_had(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(message(), now=NOW)
        (delivery,) = await due(store)
        await store.delete("whk_a")
        await store.record([outcome(delivery, "delivered")])
        with pytest.raises(Unknown):
            await store.endpoint("whk_a")
        assert await store.deliveries("whk_a", limit=9) == []
        assert await store.attempts("whk_a", limit=9) == []

    async def test_a_message_is_kept_for_those_who_want_it(self, store: Store) -> None:
        await store.save(endpoint("whk_a", types=("speech.*",)), now=NOW)
        await store.save(endpoint("whk_b", channels=("other",)), now=NOW)
        await store.save(endpoint("whk_c", active=False), now=NOW)
        assert await store.add(message(1), message(2, kind="call.started"), now=NOW) == 1
        (delivery,) = await due(store)
        assert delivery.message == message(1)
        assert (delivery.state, delivery.attempts, delivery.added_at) == ("pending", 0, NOW)
        assert await due(store, "whk_b") == await due(store, "whk_c") == []

    async def test_adding_twice_is_harmless(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        assert await store.add(message(), message(), now=NOW) == 1
        assert await store.add(message(), now=NOW) == 0
        assert len(await due(store)) == 1

    async def test_a_message_for_one_goes_to_nobody_else(self, store: Store) -> None:
        await store.save(endpoint("whk_a", types=()), now=NOW)
        await store.save(endpoint("whk_b"), now=NOW)
        await store.add_for("whk_a", message(), now=NOW)
        assert len(await due(store)) == 1
        assert await due(store, "whk_b") == []
        with pytest.raises(Unknown):
            await store.add_for("whk_x", message(2), now=NOW)

    async def test_deliveries_are_due_in_the_order_in_which_they_were_added(
        self, store: Store
    ) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(*(message(number) for number in range(5)), now=NOW)
        await store.add(message(5), now=NOW - 3)
        found = await store.due("whk_a", now=NOW, limit=3, skip=())
        rest = await store.due("whk_a", now=NOW, limit=9, skip=[d.id for d in found])
        assert [d.message.id for d in found + rest] == [message(n).id for n in range(6)]


class WorkConformance:
    """What workers take, and what comes of it."""

    async def test_nobody_else_gets_what_is_claimed(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        assert (await claim(store)).due == ()
        await store.add(message(), now=NOW)
        mine = await claim(store)
        assert [e.id for e in mine.due] == ["whk_a"]
        assert mine.held.keys() == {"whk_a"}
        assert (await claim(store, "two")).held == {}
        assert (await claim(store)).held.keys() == {"whk_a"}

    async def test_a_claim_takes_no_more_than_asked_for(self, store: Store) -> None:
        for name in ("whk_a", "whk_b", "whk_c"):
            await store.save(endpoint(name), now=NOW)
        await store.add(message(), now=NOW)
        one = await store.claim("one", now=NOW, until=NOW + 30, keep=(), limit=2)
        two = await store.claim("two", now=NOW, until=NOW + 30, keep=(), limit=2)
        assert (len(one.held), len(two.held)) == (2, 1)
        assert not one.held.keys() & two.held.keys()

    async def test_a_crashed_workers_endpoints_are_taken_over(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(message(), now=NOW)
        await claim(store)
        assert (await claim(store, "two", now=NOW + 29)).held == {}
        assert (await claim(store, "two", now=NOW + 31)).held.keys() == {"whk_a"}
        assert (await claim(store, "one", now=NOW + 32, keep=("whk_a",))).held == {}

    async def test_a_lease_is_prolonged_while_it_lasts(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(message(), now=NOW)
        assert (await claim(store)).held["whk_a"] == Lease(NOW + 30, 1)
        assert (await claim(store, now=NOW + 20, keep=("whk_a",))).held.keys() == {"whk_a"}
        assert (await claim(store, "two", now=NOW + 40)).held == {}

    async def test_released_work_is_free_at_once(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(message(), now=NOW)
        await claim(store)
        await store.release("one")
        assert (await claim(store, "two")).held.keys() == {"whk_a"}

    @pytest.mark.parametrize(
        "health", [Health(Breaker(5, NOW + 10)), Health(held_until=NOW + 10)], ids=["open", "held"]
    )
    async def test_an_endpoint_that_is_to_be_left_alone_is(
        self, store: Store, health: Health
    ) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(message(), now=NOW)
        assert (await claim(store)).due
        (delivery,) = await due(store)
        await store.record([outcome(delivery, "pending", health=health)])
        assert (await claim(store, now=NOW + 9)).due == ()
        (found,) = (await claim(store, now=NOW + 10)).due
        assert found.health == health

    async def test_a_delivery_waits_for_its_next_attempt(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(message(), now=NOW)
        (delivery,) = await due(store)
        failing = Health(Breaker(1), failing_since=NOW)
        await store.record([outcome(delivery, "pending", due_at=NOW + 5, health=failing)])
        assert (await store.endpoint("whk_a")).health == failing
        assert (await claim(store, now=NOW + 4)).due == ()
        (again,) = await due(store, now=NOW + 5)
        assert (again.attempts, again.error, again.state) == (1, "status 500", "pending")

    async def test_what_has_arrived_is_not_sent_again(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(message(), now=NOW)
        (delivery,) = await due(store)
        await store.record([outcome(delivery, "delivered")])
        await store.record([outcome(delivery, "pending")])
        assert await due(store) == []
        (kept,) = await store.deliveries("whk_a", limit=9)
        assert kept.state == "delivered"

    async def test_attempts_are_kept_and_come_in_pages(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(message(1), message(2), now=NOW)
        one, two = await due(store)
        await store.record([outcome(one, "pending"), outcome(two, "delivered")])
        (newest,) = await store.attempts("whk_a", limit=1)
        (oldest,) = await store.attempts("whk_a", limit=9, before=newest.id)
        assert replace(newest, id=0) == outcome(two, "delivered").attempt
        assert replace(oldest, id=0) == outcome(one, "pending").attempt

    async def test_deliveries_come_in_pages_and_by_state(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(*(message(number) for number in range(4)), now=NOW)
        found = await due(store)
        await store.record([outcome(found[0], "dead"), outcome(found[2], "delivered")])
        newest = await store.deliveries("whk_a", limit=2)
        oldest = await store.deliveries("whk_a", limit=9, before=newest[-1].id)
        assert [d.id for d in newest + oldest] == [d.id for d in reversed(found)]
        (dead,) = await store.deliveries("whk_a", state="dead", limit=9)
        assert (dead.id, dead.error) == (found[0].id, "status 500")

    async def test_a_disabled_endpoint_buries_what_waits(self, store: Store) -> None:
        saved = await store.save(endpoint(), now=NOW)
        await store.add(message(1), message(2), now=NOW)
        flying = (await due(store))[0]
        assert await store.disable("whk_a", reason="gone", now=NOW + 1) == 2
        found = await store.endpoint("whk_a")
        assert (found.active, found.disabled_because, found.version) == (False, "gone", 2)
        await store.record([outcome(flying, "pending", due_at=NOW)])
        states = [d.state for d in await store.deliveries("whk_a", limit=9)]
        assert states == ["dead", "dead"]
        assert await store.add(message(3), now=NOW) == 0
        with pytest.raises(Conflict):
            await store.save(saved, now=NOW)

    async def test_changing_an_endpoint_forgives_its_failures(self, store: Store) -> None:
        saved = await store.save(endpoint(), now=NOW)
        await store.add(message(), now=NOW)
        (delivery,) = await due(store)
        health = Health(Breaker(9, NOW + 99), failing_since=NOW, held_until=NOW + 99)
        await store.record([outcome(delivery, "pending", health=health)])
        assert (await store.save(saved, now=NOW)).health == Health()


class PastConformance:
    """What is sent again, forgotten and heard of."""

    async def test_one_delivery_is_replayed(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(message(1), message(2), now=NOW)
        one, two = await due(store)
        await store.record([outcome(one, "delivered"), outcome(two, "dead")])
        assert await store.replay("whk_b", now=NOW, delivery_id=one.id) == 0
        assert await store.replay("whk_a", now=NOW + 9, delivery_id=one.id) == 1
        assert await store.replay("whk_a", now=NOW + 9, delivery_id=one.id) == 0
        (again,) = await due(store, now=NOW + 9)
        assert (again.id, again.attempts, again.replays) == (one.id, 0, 1)
        assert (again.message, again.error) == (message(1), "")

    async def test_dead_letters_are_replayed_from_a_time_on(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        for number in range(4):
            await store.add(message(number), now=NOW + number)
        found = await due(store, now=NOW + 9)
        states: list[State] = ["dead", "dead", "delivered", "dead"]
        await store.record([outcome(d, s) for d, s in zip(found, states, strict=True)])
        assert await store.replay("whk_a", now=NOW + 9, since=NOW + 1) == 2
        assert [d.id for d in await due(store, now=NOW + 9)] == [found[1].id, found[3].id]
        assert await store.replay("whk_a", now=NOW + 9, since=NOW + 1, delivered=True) == 1
        assert await store.replay("whk_a", now=NOW + 9) == 1

    async def test_old_messages_are_forgotten_but_for_those_that_wait(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        await store.add(*(message(number) for number in range(3)), now=NOW)
        await store.add(message(3), now=NOW + 10)
        found = await due(store, now=NOW + 10)
        await store.record([outcome(d, "delivered") for d in (found[0], found[3])])
        assert await store.purge(NOW + 10) == 1
        kept = [d.id for d in await store.deliveries("whk_a", limit=9)]
        assert kept == [d.id for d in reversed(found[1:])]

    async def test_whoever_waits_for_news_hears_of_new_messages(self, store: Store) -> None:
        await store.save(endpoint(), now=NOW)
        seen = await store.changed(-1, within=1)
        assert await store.changed(seen, within=0.01) == seen
        waiting = asyncio.ensure_future(store.changed(seen, within=30))
        await asyncio.sleep(0.05)
        await store.add(message(), now=NOW)
        assert await asyncio.wait_for(waiting, 5) > seen
        assert await store.changed(seen, within=30) > seen


class StoreConformance(EndpointConformance, WorkConformance, PastConformance):
    """Inherited by the tests of each store."""
