"""
What can be asked of the signaling server.

Each function builds one request; nothing is sent here. Media messages carry the `sid` of the
connection they belong to: one speaker may have an old and a new connection at the same time,
and the server answers `client_not_found` for messages to a connection that it replaced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpb.errors import TooBig

__all__ = [
    "MAX_FRAME_BYTES",
    "Ice",
    "Request",
    "answer",
    "candidate",
    "caption",
    "in_call",
    "offer",
    "request_offer",
    "to_call",
    "to_room",
    "to_session",
]

MAX_FRAME_BYTES = 65_536
"""Bytes of the largest message that the server reads; for a larger one it hangs up."""

VIDEO = "video"
"""The kind of stream with somebody's camera and microphone; "screen" is the other one."""


@dataclass(frozen=True, slots=True)
class Ice:
    """One ICE candidate, as browsers write it."""

    candidate: str
    mid: str = "0"
    line: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A message to the server, not yet numbered."""

    type: str
    body: Mapping[str, Any]

    @property
    def broadcast(self) -> bool:
        """Whether the server copies it to everybody in the room or the call."""
        return self._recipient.get("type") in ("room", "call")

    @property
    def recipient(self) -> str:
        """The session it goes to, if it goes to one."""
        return str(self._recipient.get("sessionid", ""))

    @property
    def topic(self) -> str:
        """What is sent to somebody: "requestoffer", "transcript" and so on."""
        return str(self._data.get("type", ""))

    @property
    def sid(self) -> str:
        """The media connection it is about, if any."""
        return str(self._data.get("sid", ""))

    @property
    def _recipient(self) -> Mapping[str, Any]:
        return self.body.get("recipient") or {}

    @property
    def _data(self) -> Mapping[str, Any]:
        return self.body.get("data") or {}

    def frame(self, id_: str) -> bytes:
        """Return what goes over the wire; raises `TooBig` for what the server would not read."""
        message = {"id": id_, "type": self.type, self.type: self.body}
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        frame = text.encode(errors="replace")
        if len(frame) > MAX_FRAME_BYTES:
            raise TooBig(f"{self.type} {self.topic} has {len(frame)} bytes")
        return frame


def to_session(session_id: str, data: Mapping[str, Any]) -> Request:
    """Send `data` to one session; the server drops it when there is no such session."""
    return _message({"type": "session", "sessionid": session_id}, data)


def to_room(data: Mapping[str, Any]) -> Request:
    """Send `data` to everybody else in the room."""
    return _message({"type": "room"}, data)


def to_call(data: Mapping[str, Any]) -> Request:
    """Send `data` to everybody else in the call; needs the feature `recipient-call`."""
    return _message({"type": "call"}, data)


def in_call(flags: int) -> Request:
    """Say whether we are in the call and with what; only internal clients may."""
    return Request("internal", {"type": "incall", "incall": {"incall": flags}})


def request_offer(session_id: str, *, kind: str = VIDEO, sid: str = "") -> Request:
    """
    Ask to receive somebody's stream.

    The server waits about 10 s for the stream to appear before it says `client_not_found`.
    With the `sid` of a connection that exists it asks for that one to be renegotiated.
    """
    wish = {"type": "requestoffer", "roomType": kind}
    return to_session(session_id, wish | ({"sid": sid} if sid else {}))


def offer(session_id: str, sdp: str, *, sid: str, kind: str = VIDEO) -> Request:
    """Publish a stream of ours; goes to our own session, with a `sid` of our choice."""
    return _media(session_id, "offer", {"type": "offer", "sdp": sdp}, sid=sid, kind=kind)


def answer(session_id: str, sdp: str, *, sid: str, kind: str = VIDEO) -> Request:
    """Accept the stream that was offered as `sid`."""
    return _media(session_id, "answer", {"type": "answer", "sdp": sdp}, sid=sid, kind=kind)


def candidate(session_id: str, ice: Ice | None, *, sid: str, kind: str = VIDEO) -> Request:
    """Tell a way to reach us for connection `sid`; None says that there are no more."""
    if ice is None:
        return _media(session_id, "endOfCandidates", {}, sid=sid, kind=kind)
    way = {"candidate": ice.candidate, "sdpMid": ice.mid, "sdpMLineIndex": ice.line}
    return _media(session_id, "candidate", {"candidate": way}, sid=sid, kind=kind)


def caption(text: str, *, language: str, speaker: str, final: bool = True) -> dict[str, Any]:
    """
    Build what Talk shows as a caption, for `to_session`, `to_room` or `to_call`.

    `speaker` is the session of the person who said it; nobody sees a caption of a session that
    is not in the call, nor of himself.
    """
    return {
        "type": "transcript",
        "roomType": VIDEO,  # servers before 1.3 refuse messages to a session without it
        "message": text,
        "langId": language,
        "speakerSessionId": speaker,
        "final": final,
    }


def _message(recipient: Mapping[str, str], data: Mapping[str, Any]) -> Request:
    return Request("message", {"recipient": recipient, "data": data})


def _media(to: str, type_: str, payload: Mapping[str, Any], *, sid: str, kind: str) -> Request:
    data = {"to": to, "sid": sid, "roomType": kind, "type": type_, "payload": payload}
    return to_session(to, data)
