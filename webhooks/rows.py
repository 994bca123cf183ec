"""Rows of either database as values, and values as parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Protocol

from webhooks.breaker import Breaker
from webhooks.models import Attempt, Delivery, Endpoint, Health, Message, Outcome, Secret, Wish
from webhooks.store import Claim, Lease

__all__ = [
    "as_attempt",
    "as_claim",
    "as_delivery",
    "as_endpoint",
    "matcher",
    "of_endpoint",
    "of_health",
    "of_outcome",
]


class Row(Protocol):
    """What both databases answer with."""

    def __getitem__(self, key: str, /) -> Any: ...


def as_endpoint(row: Row) -> Endpoint:
    """Read an endpoint."""
    breaker = Breaker(row["failures"], row["open_until"])
    return Endpoint(
        id=row["id"],
        url=row["url"],
        secrets=tuple(Secret(value, until) for value, until in json.loads(row["secrets"])),
        name=row["name"],
        description=row["description"],
        types=tuple(json.loads(row["types"])),
        channels=tuple(json.loads(row["channels"])),
        max_rps=row["max_rps"],
        active=bool(row["active"]),
        disabled_because=row["disabled_because"],
        health=Health(breaker, row["failing_since"], row["held_until"]),
        version=row["version"],
        created_at=row["created_at"],
        modified_at=row["modified_at"],
    )


def of_endpoint(endpoint: Endpoint, now: float) -> tuple[Any, ...]:
    """Name what people set, in the order of the queries; ends with the moment."""
    return (
        endpoint.id,
        endpoint.url,
        json.dumps([(secret.value, secret.until) for secret in endpoint.secrets]),
        endpoint.name,
        endpoint.description,
        json.dumps(endpoint.types),
        json.dumps(endpoint.channels),
        endpoint.max_rps,
        endpoint.active,
        endpoint.disabled_because,
        now,
    )


def as_claim(rows: Iterable[Row]) -> Claim:
    """Read what a worker holds."""
    held = list(rows)
    leases = {row["id"]: Lease(row["lease_until"], row["version"]) for row in held}
    return Claim(leases, tuple(as_endpoint(row) for row in held if row["due"]))


def as_delivery(row: Row) -> Delivery:
    """Read a delivery with its message."""
    message = Message(
        row["message_id"], row["type"], bytes(row["body"]), row["channel"], row["key"]
    )
    return Delivery(
        id=row["id"],
        endpoint_id=row["endpoint_id"],
        message=message,
        state=row["state"],
        attempts=row["attempts"],
        replays=row["replays"],
        due_at=row["due_at"],
        added_at=row["added_at"],
        error=row["error"],
    )


def as_attempt(row: Row) -> Attempt:
    """Read an attempt."""
    return Attempt(
        id=row["id"],
        delivery_id=row["delivery_id"],
        endpoint_id=row["endpoint_id"],
        message_id=row["message_id"],
        type=row["type"],
        number=row["number"],
        replay=row["replay"],
        at=row["at"],
        duration_ms=row["duration_ms"],
        status=row["status"],
        error=row["error"],
        response=row["response"],
    )


def of_outcome(outcome: Outcome) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Name what changes in a delivery, and the attempt to keep, in the order of the queries."""
    tried = outcome.attempt
    delivery = (tried.delivery_id, outcome.state, tried.number, outcome.due_at, tried.error)
    attempt = (
        tried.delivery_id,
        tried.endpoint_id,
        tried.number,
        tried.replay,
        tried.at,
        tried.duration_ms,
        tried.status,
        tried.error,
        tried.response,
    )
    return delivery, attempt


def of_health(endpoint_id: str, health: Health) -> tuple[Any, ...]:
    """Name what deliveries have shown, in the order of the queries."""
    breaker = health.breaker
    times = (breaker.open_until, health.failing_since, health.held_until)
    return endpoint_id, breaker.failures, *times


def matcher(rows: Iterable[Row]) -> Callable[[Message], list[str]]:
    """Tell who wants a message, given what everybody wants; made for one group of messages."""
    wishes = [_wish(row["id"], row["types"], row["channels"]) for row in rows]
    known: dict[tuple[str, str], list[str]] = {}

    def endpoints(message: Message) -> list[str]:
        kind = message.type, message.channel
        if kind not in known:
            known[kind] = [wish.endpoint_id for wish in wishes if wish.covers(*kind)]
        return known[kind]

    return endpoints


@lru_cache(maxsize=4096)
def _wish(endpoint_id: str, types: str, channels: str) -> Wish:
    return Wish.of(endpoint_id, json.loads(types), json.loads(channels))
