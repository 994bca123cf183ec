"""
What a dialog tells of itself, as public events.

The library names what happens by the public names already, so this is a matter of form: the
envelope, and only the fields that an event has. Parameters of actions become texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import BaseModel

from transcriber.events import EVENT_TYPES, DialogEmitted, Emission, Event

__all__ = ["announcement"]

CUSTOM = "custom."
"""What the names of a flow's own events begin with."""


def announcement(
    name: str, data: Mapping[str, object], *, session_id: str, dialog_id: str, room: str
) -> Event:
    """Make the event for something that a dialog tells; raises `KeyError` for an unknown name."""
    envelope = {"session_id": session_id, "metadata": {"dialog_id": dialog_id}}
    if name.startswith(CUSTOM):
        emission = Emission(room=room, name=name.removeprefix(CUSTOM), params=_texts(data))
        return DialogEmitted.model_validate({**envelope, "data": emission})
    kind = EVENT_TYPES[name]
    payload = kind.model_fields["data"].annotation
    assert isinstance(payload, type)
    assert issubclass(payload, BaseModel)
    known = {key.removeprefix("pii_"): value for key, value in data.items()}
    if isinstance(params := known.get("params"), Mapping):
        known["params"] = _texts(params)
    fields = {key: value for key, value in known.items() if key in payload.model_fields}
    return kind.model_validate({**envelope, "data": {**fields, "room": room}})


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items()}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)
