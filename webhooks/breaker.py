"""
When to stop trying an endpoint for a while.

After several failures in a row the breaker opens: nothing is sent until some time has passed,
and what waits loses none of its attempts. Then it is half open: one delivery is sent to see. Its
success closes the breaker, its failure opens it again. The breaker is a value that is stored
with the endpoint, so a restart does not forget what it has learnt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["Breaker", "BreakerRules", "BreakerState"]

BreakerState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """How many failures in a row open a breaker, and the seconds until it tries again."""

    threshold: int = 5
    reset: float = 60.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known about an endpoint: failures in a row, and until when it is left alone."""

    failures: int = 0
    open_until: float = 0.0
    """Unix time; 0 when the breaker is closed."""

    def state(self, now: float) -> BreakerState:
        """Say what is allowed: everything, nothing, or one delivery to see."""
        if not self.open_until:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def failed(self, rules: BreakerRules, now: float) -> Breaker:
        """Count a failure; a failure while something was in flight does not lengthen the pause."""
        failures = self.failures + 1
        if self.state(now) == "open" or failures < rules.threshold:
            return replace(self, failures=failures)
        return Breaker(failures, now + rules.reset)

    def succeeded(self) -> Breaker:
        """Close: one success is enough."""
        return Breaker()
