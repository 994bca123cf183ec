"""
The vocabulary: everything that can happen, in one place.

An event's `type` is also its public name in webhooks, on the event stream and in the console,
and `data` is its public payload. Adding a field is compatible; renaming or removing one is not.
Every event travels in the same envelope, whoever carries it. What has to change in a way that is
not compatible becomes a new type; until then `version` counts the fields that were added.

The names of the payload's fields are those that subscribers of earlier platforms know.
"""

from __future__ import annotations

from typing import Any

from transcriber.events.calls import *  # noqa: F403 - one vocabulary, whatever a word is about
from transcriber.events.dialogs import *  # noqa: F403
from transcriber.events.envelope import *  # noqa: F403
from transcriber.events.envelope import Event
from transcriber.events.webhooks import *  # noqa: F403

EVENT_TYPES: dict[str, type[Event]] = {
    kind.model_fields["type"].default: kind for kind in Event.__subclasses__()
}
"""Every kind of event by its public name."""


def json_schema(kind: type[Event]) -> dict[str, Any]:
    """Describe an event as subscribers receive it, in JSON Schema."""
    schema = kind.model_json_schema(mode="serialization")
    name = kind.model_fields["type"].default
    return {"$id": f"urn:transcriber:event:{name}:v{kind.version}", **schema, "title": name}
