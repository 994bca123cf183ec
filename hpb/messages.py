"""
What comes over the wire, made into events.

The server, Talk and every client in a room have versions of their own, so anything may arrive:
a field of another kind, a new message type, no JSON at all. Nothing of that is an error here. What
is understood becomes a typed event; the rest becomes `Unknown`, and the conversation goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from hpb import events
from hpb.requests import Ice
from hpb.tolerant import number, objects, record, text

__all__ = ["Envelope", "interpret", "read"]

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message: its type, its body and, if it answers a request, the request's id."""

    type: str
    body: Body
    id: str = ""


def read(frame: str | bytes) -> Envelope:
    """Open a message; never fails: what is no message has no type."""
    try:
        message = from_json(frame)
    except ValueError:
        return Envelope("", {})
    if not isinstance(message, dict):
        return Envelope("", {})
    type_ = text(message.get("type"))
    return Envelope(type_, record(message.get(type_)), text(message.get("id")))


def interpret(envelope: Envelope) -> events.Event:
    """Say what a message means that needs no knowledge of the conversation so far."""
    meaning = MEANINGS.get(envelope.type)
    return (meaning and meaning(envelope.body)) or events.Unknown(envelope.type, envelope.body)


def _on_event(body: Body) -> events.Event | None:
    target, type_ = text(body.get("target")), text(body.get("type"))
    happened = HAPPENINGS.get((target, type_))
    return happened(body) if happened else events.Unknown(f"event {target} {type_}".strip(), body)


def _on_message(body: Body) -> events.Event:
    sender, data = record(body.get("sender")), record(body.get("data"))
    who = text(sender.get("sessionid"))
    media = MEDIA.get(text(data.get("type")))
    told = media and media(who, data)
    return told or events.Message(
        who,
        text(sender.get("type")),
        text(record(body.get("recipient")).get("sessionid")),
        text(data.get("type")),
        data,
    )


def _on_control(body: Body) -> events.Event:
    sender = record(body.get("sender"))
    return events.Control(text(sender.get("sessionid")), record(body.get("data")))


def _offer(sender: str, data: Body) -> events.Event | None:
    sdp = text(record(data.get("payload")).get("sdp"))
    return events.Offer(sender, *_stream(data), sdp) if sdp else None


def _answer(sender: str, data: Body) -> events.Event | None:
    sdp = text(record(data.get("payload")).get("sdp"))
    return events.Answer(sender, *_stream(data), sdp) if sdp else None


def _candidate(sender: str, data: Body) -> events.Event:
    way = record(record(data.get("payload")).get("candidate"))
    found = text(way.get("candidate"))
    ice = Ice(found, text(way.get("sdpMid")), number(way.get("sdpMLineIndex"))) if found else None
    return events.Candidate(sender, *_stream(data), ice)


def _stream(data: Body) -> tuple[str, str]:
    return text(data.get("sid")), text(data.get("roomType"))


def _members(body: Body, key: str) -> tuple[events.Member, ...]:
    return tuple(events.Member.model_validate(entry) for entry in objects(body.get(key)))


def _entered(body: Body) -> events.Event:
    return events.Entered(_members(body, "join"))


def _changed(body: Body) -> events.Event:
    return events.Changed(_members(body, "change"))


def _left(body: Body) -> events.Event:
    gone = body.get("leave")
    ids = gone if isinstance(gone, list) else []
    return events.Left(tuple(id_ for id_ in ids if isinstance(id_, str)))


def _in_call(body: Body) -> events.Event:
    update = record(body.get("update"))
    room = text(update.get("roomid"))
    if update.get("all") is True:
        return events.InCallAll(room, number(update.get("incall")))
    found = (events.Participant.model_validate(entry) for entry in objects(update.get("users")))
    # Somebody who leaves can be listed twice, first as he was: the last entry counts.
    return events.InCall(room, tuple({who.session_id: who for who in found}.values()))


def _flags(body: Body) -> events.Event:
    flags = record(body.get("flags"))
    return events.Flags(text(flags.get("sessionid")), number(flags.get("flags")))


def _switch(body: Body) -> events.Event:
    goal = record(body.get("switchto"))
    return events.Switch(text(goal.get("roomid")), record(goal.get("details")))


def _room_message(body: Body) -> events.Event:
    return events.RoomMessage(record(record(body.get("message")).get("data")))


def _deleted(body: Body) -> events.Event:
    return events.Removed("deleted")


def _disinvited(body: Body) -> events.Event:
    details = record(body.get("disinvite"))
    return events.Removed(text(details.get("reason")) or "disinvited", text(details.get("roomid")))


MEANINGS: dict[str, Callable[[Body], events.Event | None]] = {
    "event": _on_event,
    "message": _on_message,
    "control": _on_control,
}
HAPPENINGS: dict[tuple[str, str], Callable[[Body], events.Event]] = {
    ("room", "join"): _entered,
    ("room", "leave"): _left,
    ("room", "change"): _changed,
    ("room", "message"): _room_message,
    ("room", "switchto"): _switch,
    ("room", "delete"): _deleted,
    ("participants", "update"): _in_call,
    ("participants", "flags"): _flags,
    ("roomlist", "disinvite"): _disinvited,
}
MEDIA: dict[str, Callable[[str, Body], events.Event | None]] = {
    "offer": _offer,
    "answer": _answer,
    "candidate": _candidate,
    "endOfCandidates": _candidate,
}
