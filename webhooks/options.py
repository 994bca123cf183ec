"""
What an administrator may set, by the names that earlier platforms used.

Without `WEBHOOK_MAX_RETRIES` the pauses are those of `schedule.py`, from seconds to hours. With it
they double from the first to the longest, and it counts all attempts.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from webhooks.addresses import Addresses
from webhooks.breaker import BreakerRules
from webhooks.courier import Rules
from webhooks.schedule import Schedule
from webhooks.worker import Options

__all__ = ["Networks", "WebhookOptions"]


def _listed(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _checked(value: tuple[str, ...]) -> tuple[str, ...]:
    Addresses(value)
    return value


Networks = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_checked)]
"""Networks, which a setting names with commas."""


class WebhookOptions(BaseModel):
    """Settings of the delivery of webhooks."""

    in_flight: int = Field(
        16, ge=1, le=1000, alias="WEBHOOK_WORKERS", description="requests to one endpoint at a time"
    )
    timeout: float = Field(
        10, gt=0, le=300, alias="WEBHOOK_TIMEOUT_SEC", description="seconds a receiver may take"
    )
    tries: int = Field(
        0,
        ge=0,
        le=100,
        alias="WEBHOOK_MAX_RETRIES",
        description="attempts in all; 0: eight, over a day and a quarter",
    )
    initial: float = Field(
        1,
        gt=0,
        alias="WEBHOOK_BACKOFF_INITIAL_SEC",
        description="seconds before the second attempt, with WEBHOOK_MAX_RETRIES",
    )
    longest: float = Field(
        300,
        gt=0,
        alias="WEBHOOK_BACKOFF_MAX_SEC",
        description="longest pause in seconds, with WEBHOOK_MAX_RETRIES",
    )
    threshold: int = Field(
        5,
        ge=1,
        alias="CB_FAILURE_THRESHOLD",
        description="failures in a row after which an endpoint is left alone",
    )
    reset: float = Field(
        60,
        gt=0,
        alias="CB_RESET_TIMEOUT_SEC",
        description="seconds for which it is left alone",
    )
    response_bytes: int = Field(
        4096, ge=0, alias="WEBHOOK_RESPONSE_BYTES", description="bytes kept of an answer"
    )
    keep_days: float = Field(
        14,
        gt=0,
        alias="WEBHOOK_KEEP_DAYS",
        description="days for which deliveries can be looked up",
    )
    allowed: Networks = Field(
        (),
        alias="WEBHOOK_ALLOWED_NETWORKS",
        description="private networks that may be sent to, such as 10.1.0.0/16, with commas",
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.longest < self.initial:
            raise ValueError("the longest pause must not be shorter than the first")
        return self

    def worker(self) -> Options:
        """Make the worker's options."""
        schedule = Schedule()
        if self.tries:
            schedule = Schedule.growing(tries=self.tries, initial=self.initial, limit=self.longest)
        breaker = BreakerRules(self.threshold, self.reset)
        rules = Rules(schedule=schedule, breaker=breaker, in_flight=self.in_flight)
        return Options(rules=rules, keep=self.keep_days * 86400)
