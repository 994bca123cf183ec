"""
What the routes about webhooks take and give.

The names of the fields are those that subscribers of earlier platforms know.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from transcriber.events import Moment, Trial, WebhookTest
from transcriber.ids import new_id
from transcriber.web.moment import moment
from transcriber.web.paging import Page
from webhooks.addresses import check_url
from webhooks.errors import BadUrl
from webhooks.models import Attempt, Delivery, Endpoint, Message, Secret, State
from webhooks.signature import new_secret

__all__ = [
    "AttemptShown",
    "Count",
    "Deliveries",
    "DeliveryShown",
    "Kept",
    "New",
    "Replay",
    "Rotation",
    "Shown",
    "WithSecret",
    "trial",
]


def _address(url: str) -> str:
    try:
        check_url(url)
    except BadUrl as error:
        raise ValueError(str(error)) from None
    return url


Url = Annotated[str, Field(max_length=2048), AfterValidator(_address)]
Pattern = Annotated[str, Field(pattern=r"^(\*|[a-z][a-z_]*(\.[a-z_]+)*(\.\*)?)$", max_length=100)]
Room = Annotated[str, Field(min_length=1, max_length=255)]


class New(BaseModel):
    """A webhook to be made; `event_types` are types, areas such as `speech.*`, or `*`."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    name: str = Field("", max_length=255)
    description: str = Field("", max_length=2000)
    event_types: list[Pattern] = Field(["*"], min_length=1, max_length=100)
    rooms: list[Room] = Field([], max_length=1000)
    max_rps: float = Field(10, gt=0, le=1000)
    is_active: bool = True

    def endpoint(self) -> Endpoint:
        """Make what the library keeps of it, with a new secret."""
        return Endpoint(
            id=new_id("whk"),
            url=self.url,
            secrets=(Secret(new_secret()),),
            name=self.name,
            description=self.description,
            types=tuple(self.event_types),
            channels=tuple(self.rooms),
            max_rps=self.max_rps,
            active=self.is_active,
        )


class Kept(BaseModel):
    """What to change of a webhook; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    name: str | None = Field(None, max_length=255)
    description: str | None = Field(None, max_length=2000)
    event_types: list[Pattern] | None = Field(None, min_length=1, max_length=100)
    rooms: list[Room] | None = Field(None, max_length=1000)
    max_rps: float | None = Field(None, gt=0, le=1000)
    is_active: bool | None = None


class Shown(BaseModel):
    """A webhook and how it does. Its secret is never shown again."""

    id: str
    url: str
    name: str
    description: str
    event_types: list[str]
    rooms: list[str]
    max_rps: float
    is_active: bool
    disabled_because: str
    failure_count: int
    circuit_state: Literal["closed", "open", "half_open"]
    failing_since: Moment | None
    version: int
    created_at: Moment
    modified_at: Moment

    @classmethod
    def of(cls, endpoint: Endpoint, now: float) -> Shown:
        """Show an endpoint as it is now."""
        return cls(**_shown(endpoint, now))


class WithSecret(Shown):
    """A webhook with its new secret: keep it, it is shown this once."""

    secret: str

    @classmethod
    def made(cls, endpoint: Endpoint, now: float) -> WithSecret:
        """Show a new secret."""
        return cls(**_shown(endpoint, now), secret=endpoint.secrets[0].value)


def _shown(endpoint: Endpoint, now: float) -> dict[str, object]:
    health = endpoint.health
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "name": endpoint.name,
        "description": endpoint.description,
        "event_types": list(endpoint.types),
        "rooms": list(endpoint.channels),
        "max_rps": endpoint.max_rps,
        "is_active": endpoint.active,
        "disabled_because": endpoint.disabled_because,
        "failure_count": health.breaker.failures,
        "circuit_state": health.breaker.state(now),
        "failing_since": moment(health.failing_since) if health.failing_since else None,
        "version": endpoint.version,
        "created_at": moment(endpoint.created_at),
        "modified_at": moment(endpoint.modified_at),
    }


class Rotation(BaseModel):
    """For how many seconds the old secret signs too."""

    model_config = ConfigDict(extra="forbid")

    grace: float = Field(86_400, ge=0, le=30 * 86_400)


class Deliveries(Page):
    """Which deliveries: all, or those in one state; `dead` are the dead letters."""

    state: State | None = None


class DeliveryShown(BaseModel):
    """One event on its way to one webhook."""

    id: int
    event_id: str
    event_type: str
    state: State
    attempts: int
    replays: int
    due_at: Moment
    added_at: Moment
    error: str
    replayable: bool = True

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryShown:
        """Show a delivery."""
        return cls(
            id=delivery.id,
            event_id=delivery.message.id,
            event_type=delivery.message.type,
            state=delivery.state,
            attempts=delivery.attempts,
            replays=delivery.replays,
            due_at=moment(delivery.due_at),
            added_at=moment(delivery.added_at),
            error=delivery.error,
        )


class AttemptShown(BaseModel):
    """One try, and what was answered."""

    id: int
    delivery_id: int
    event_id: str
    event_type: str
    attempt_number: int
    replay: int
    at: Moment
    duration_ms: int
    response_code: int | None
    response_body: str
    error: str

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptShown:
        """Show an attempt."""
        return cls(
            id=attempt.id,
            delivery_id=attempt.delivery_id,
            event_id=attempt.message_id,
            event_type=attempt.type,
            attempt_number=attempt.number,
            replay=attempt.replay,
            at=moment(attempt.at),
            duration_ms=attempt.duration_ms,
            response_code=attempt.status,
            response_body=attempt.response,
            error=attempt.error,
        )


class Replay(BaseModel):
    """What to send again: one delivery, or all dead ones since then; `delivered` ones too."""

    model_config = ConfigDict(extra="forbid")

    delivery_id: int | None = Field(None, ge=1, le=2**63 - 1)
    since: Moment | None = None
    delivered: bool = False


def trial(endpoint_id: str) -> Message:
    """Make a test event for one webhook."""
    data = Trial(webhook_id=endpoint_id, message="This webhook works.")
    event = WebhookTest(session_id="", data=data)
    return Message(event.id, event.type, event.model_dump_json().encode())


class Count(BaseModel):
    """How many there were."""

    count: int
