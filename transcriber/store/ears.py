"""Who listens to which topic, within one process."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import structlog

__all__ = ["MOST", "Ears", "message"]

MOST = 7 * 1024
"""Bytes of JSON that can be told: PostgreSQL carries no more than 8000 with the topic."""

log = structlog.get_logger(__name__)


def message(value: Any) -> str:
    """Write what is told; raises `ValueError` if it is too much."""
    text = json.dumps(value)
    if len(text) > MOST:
        raise ValueError(f"{len(text)} bytes cannot be told at once, only {MOST}")
    return text


class Ears:
    """Calls whoever listens; one who fails does not disturb the others."""

    def __init__(self) -> None:
        self._ears: defaultdict[str, list[Callable[[Any], object]]] = defaultdict(list)

    def listen(self, topic: str, told: Callable[[Any], object]) -> Callable[[], None]:
        """Call `told` with everything told on a topic; returns how to stop."""
        self._ears[topic].append(told)
        return lambda: self._ears[topic].remove(told)

    def hear(self, topic: str, text: str) -> None:
        """Pass on what was told, to each a copy of their own."""
        for told in tuple(self._ears.get(topic, ())):
            try:
                told(json.loads(text))
            except Exception:  # a subscriber must not break the others
                log.exception("listener failed", topic=topic)
