"""
The bus of one process: publishing is calling.

Handlers run at once, in the order they subscribed, and must return at once; whoever
needs to wait keeps a `Backlog` of its own. A handler that raises is logged and does not
disturb the others: this is one of the places where every exception is caught.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

import structlog

from transcriber.events import Event

__all__ = ["Bus"]

E = TypeVar("E", bound=Event)
log = structlog.get_logger(__name__)


class Bus:
    """Carries events to whoever asked for their type, or for `Event`: all of them."""

    def __init__(self) -> None:
        self._handlers: defaultdict[type[Event], list[Callable[[Any], object]]] = defaultdict(list)

    def subscribe(self, kind: type[E], handler: Callable[[E], object]) -> Callable[[], None]:
        """Call `handler` with every event of this kind; returns how to stop."""
        self._handlers[kind].append(handler)
        return lambda: self._handlers[kind].remove(handler)

    def publish(self, event: Event) -> None:
        """Tell everybody who subscribed to the event's type or to all events."""
        for kind in (type(event), Event):
            for handler in tuple(self._handlers.get(kind, ())):
                try:
                    handler(event)
                except Exception:  # a subscriber must not break the publisher
                    log.exception("subscriber failed", type=event.type, session=event.session_id)
