"""A signaling server as far as tests of the client's side need one: it answers as the real one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hpb.auth import Internal
from hpb.events import Event
from hpb.protocol import Signaling

FEATURES = ["mcu", "recipient-call"]


def signaling(**more: Any) -> Signaling:
    """Make the conversation of a bot, with a random text that is always the same."""
    bot = Internal("https://cloud.example", "secret", nonce=lambda: "n" * 32)
    return Signaling("r", bot, **more)


def error(id_: str | None, code: str, **more: Any) -> str:
    """Say no to a request, or to nobody in particular."""
    message = {"type": "error", "error": {"code": code, "message": "no", **more}}
    return json.dumps(message | ({"id": id_} if id_ else {}))


def event(target: str, type_: str, **more: Any) -> str:
    """Tell that something happened."""
    return json.dumps({"type": "event", "event": {"target": target, "type": type_, **more}})


class Server:
    """Answers greetings and rooms; sessions live until it forgets them."""

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}
        self.rooms: dict[str, str] = {}
        self.heard: list[dict[str, Any]] = []
        self.refusal = ""
        self._current = ""
        self._made = 0

    def answers(self, frames: Iterable[bytes | str]) -> list[str]:
        """Return what the server says to these messages."""
        found: list[str] = []
        for frame in frames:
            message = json.loads(frame)
            self.heard.append(message)
            found += self._answer(message["type"], message[message["type"]], message["id"])
        return found

    def forget(self) -> None:
        """Restart: no session is known any more."""
        self.sessions.clear()
        self.rooms.clear()

    def types(self) -> list[str]:
        """Return the types of what was said to the server, in order."""
        return [message["type"] for message in self.heard]

    def _answer(self, type_: str, body: dict[str, Any], id_: str) -> list[str]:
        match type_:
            case "hello" if self.refusal:
                return [error(id_, self.refusal)]
            case "hello" if "resumeid" in body and body["resumeid"] not in self.sessions:
                return [error(id_, "no_such_session")]
            case "hello":
                return [self._hello(id_, body.get("resumeid") or self._new())]
            case "room" if self.rooms.get(self._current):
                return [error(id_, "already_joined", details={"room": {"roomid": "r"}})]
            case "room":
                return [self._join(id_, body["roomid"])]
            case "bye":
                return [json.dumps({"id": id_, "type": "bye"})]
        return []

    def _new(self) -> str:
        self._made += 1
        self.sessions[f"resume-{self._made}"] = f"session-{self._made}"
        return f"resume-{self._made}"

    def _hello(self, id_: str, resume_id: str) -> str:
        self._current = self.sessions[resume_id]
        server = {"version": "2.0.2", "features": FEATURES}
        hello = {"sessionid": self._current, "resumeid": resume_id, "server": server}
        return json.dumps({"id": id_, "type": "hello", "hello": hello})

    def _join(self, id_: str, room: str) -> str:
        self.rooms[self._current] = room
        body = {"roomid": room, "properties": {"name": "Room"}}
        return json.dumps({"id": id_, "type": "room", "room": body})


def talk(ours: Signaling, server: Server, now: float = 0.0) -> list[Event]:
    """Carry messages to and fro until both have said everything."""
    events: list[Event] = []
    while frames := ours.outgoing(now):
        for answer in server.answers(frames):
            events += ours.received(answer, now)
    return events
