"""
The values that webhooks are made of.

An `Endpoint` wants `Message`s. Each message an endpoint wants is a `Delivery`, which is pending
until it is delivered or dead. Every try of it is an `Attempt`. All are values: what changes is
stored, not mutated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from webhooks.breaker import Breaker

__all__ = [
    "Attempt",
    "Delivery",
    "Endpoint",
    "Health",
    "Message",
    "Outcome",
    "Secret",
    "State",
    "Wish",
]

State = Literal["pending", "delivered", "dead"]


@dataclass(frozen=True, slots=True)
class Message:
    """
    Something to tell everybody who wants it; `body` is sent exactly as it is.

    Messages with the same `key` reach each endpoint in the order in which they were added.
    `id` makes adding twice harmless.
    """

    id: str
    type: str
    body: bytes
    channel: str = ""
    """What it is about, for endpoints that want only some channels."""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Secret:
    """What deliveries are signed with; `until` is the Unix time at which it stops, if it does."""

    value: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What deliveries have shown about an endpoint."""

    breaker: Breaker = field(default_factory=Breaker)
    failing_since: float | None = None
    """Unix time of the first failure after the last success."""
    held_until: float = 0.0
    """Unix time before which the receiver wants to hear nothing."""

    @property
    def quiet_until(self) -> float:
        """Unix time before which nothing is sent."""
        return max(self.breaker.open_until, self.held_until)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    Somebody who wants messages.

    `types` are patterns: a type, an area such as `speech.*`, or `*`. No patterns want nothing; no
    channels want all. The newest secret comes first.
    """

    id: str
    url: str
    secrets: tuple[Secret, ...]
    name: str = ""
    description: str = ""
    types: tuple[str, ...] = ("*",)
    channels: tuple[str, ...] = ()
    max_rps: float = 10.0
    active: bool = True
    disabled_because: str = ""
    health: Health = field(default_factory=Health)
    version: int = 0
    """Counts changes of what people set, 0 before it is stored."""
    created_at: float = 0.0
    modified_at: float = 0.0

    def __post_init__(self) -> None:
        if self.max_rps <= 0 or not any(secret.until is None for secret in self.secrets):
            raise ValueError("an endpoint needs a secret that does not end, and a rate over 0")

    def keys(self, now: float) -> tuple[str, ...]:
        """The secrets that sign now, the newest first."""
        return tuple(s.value for s in self.secrets if s.until is None or now < s.until)

    def rotated(self, value: str, *, now: float, grace: float) -> tuple[Secret, ...]:
        """Put a new secret in front; the others end within the grace time."""
        end = now + grace
        old = (s for s in self.secrets if s.until is None or now < s.until)
        return Secret(value), *(Secret(s.value, min(s.until or end, end)) for s in old)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an endpoint wants, read once for many messages."""

    endpoint_id: str
    types: frozenset[str]
    areas: tuple[str, ...]
    channels: frozenset[str]

    @classmethod
    def of(cls, endpoint_id: str, types: Iterable[str], channels: Iterable[str]) -> Wish:
        """Sort patterns into types and areas."""
        areas = tuple(p[:-1] for p in types if p.endswith("*"))
        return cls(endpoint_id, frozenset(types), areas, frozenset(channels))

    def covers(self, kind: str, channel: str) -> bool:
        """Whether a message of that type and channel is to be delivered."""
        if self.channels and channel not in self.channels:
            return False
        return kind in self.types or kind.startswith(self.areas)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one endpoint."""

    id: int
    endpoint_id: str
    message: Message
    state: State = "pending"
    attempts: int = 0
    """How often it was tried since it was added or replayed."""
    replays: int = 0
    due_at: float = 0.0
    added_at: float = 0.0
    error: str = ""
    """Why the last attempt failed."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try; `status` is None when there was no answer, `error` empty when it was accepted."""

    delivery_id: int
    endpoint_id: str
    message_id: str
    type: str
    number: int
    replay: int
    at: float
    duration_ms: int
    status: int | None
    error: str = ""
    response: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt means for its delivery, and for its endpoint if that has changed."""

    attempt: Attempt
    state: State
    due_at: float
    health: Health | None = None
