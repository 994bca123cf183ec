"""
What the signaling server tells us, as values.

`Joined` opens every stay: nothing else about the room comes before it. When it says `resumed`,
the server kept our session and everything we knew still holds; otherwise forget every session
id, subscription and in-call flag and learn them anew. `Offline` says that the connection is gone
and when the next try is due.

People and their entries in the in-call list keep fields we do not know in `model_extra`: Talk
adds some with every version. Display names are personal: never log an event as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from hpb.requests import Ice, Request
from hpb.tolerant import Bool, Number, Object, Text, text

__all__ = [
    "AUDIO",
    "IN_CALL",
    "PHONE",
    "VIDEO",
    "Answer",
    "Candidate",
    "Changed",
    "Control",
    "Entered",
    "Event",
    "Failed",
    "Flags",
    "InCall",
    "InCallAll",
    "Joined",
    "Left",
    "Member",
    "Message",
    "Offer",
    "Offline",
    "Participant",
    "Properties",
    "Removed",
    "RoomMessage",
    "Switch",
    "Unknown",
]

IN_CALL, AUDIO, VIDEO, PHONE = 1, 2, 4, 8
"""Bits of the in-call flags."""

FEDERATED = "federated|"
"""What some servers put before the Nextcloud session id of somebody from another Nextcloud."""


class _Entry(BaseModel):
    """Part of a message; a field of an unexpected kind counts as absent."""

    model_config = ConfigDict(extra="allow", frozen=True)

    session_id: Text = Field("", validation_alias=AliasChoices("sessionid", "sessionId"))
    user_id: Text = Field("", validation_alias=AliasChoices("userid", "userId"))


class Member(_Entry):
    """Somebody in the room, whether in the call or not."""

    user: Object = Field(default_factory=dict)
    room_session_id: Text = Field("", validation_alias="roomsessionid")
    federated: Bool = False

    @property
    def name(self) -> str:
        """How the person is called; empty for bots and for people who are not to be seen."""
        return text(self.user.get("displayname"))

    @property
    def nextcloud_session_id(self) -> str:
        """The session id that Nextcloud itself uses; empty for bots and telephones."""
        return self.room_session_id.removeprefix(FEDERATED)


class Participant(_Entry):
    """An entry of the in-call list."""

    nextcloud_id: Text = Field("", validation_alias="nextcloudSessionId")
    in_call: Number = Field(0, validation_alias="inCall")
    internal: Bool = False
    virtual: Bool = False
    actor_type: Text = Field("", validation_alias="actorType")
    actor_id: Text = Field("", validation_alias="actorId")
    name: Text = Field("", validation_alias="displayName")

    @property
    def nextcloud_session_id(self) -> str:
        """The session id that Nextcloud itself uses; empty for bots and telephones."""
        return self.nextcloud_id.removeprefix(FEDERATED)

    @property
    def speaks(self) -> bool:
        """Whether the person is in the call with audio."""
        return self.in_call & (IN_CALL | AUDIO) == IN_CALL | AUDIO


@dataclass(frozen=True, slots=True)
class Joined:
    """We are in the room; `resumed` tells whether the server kept our session."""

    session_id: str
    resumed: bool
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offline:
    """The connection is gone; the next try comes in `pause` seconds."""

    reason: str
    pause: float


@dataclass(frozen=True, slots=True)
class Entered:
    """People came into the room."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """What is known about people in the room changed."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """People left the room."""

    session_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InCall:
    """
    Who is in the call, and who has just left it.

    Nobody is listed twice; absence from the list does not mean that somebody left.
    """

    room: str
    participants: tuple[Participant, ...]


@dataclass(frozen=True, slots=True)
class InCallAll:
    """Everybody's in-call flags are now `flags`; 0 means that the call was ended for all."""

    room: str
    flags: int


@dataclass(frozen=True, slots=True)
class Flags:
    """A telephone participant started or stopped to speak, or was muted."""

    session_id: str
    flags: int


@dataclass(frozen=True, slots=True)
class Properties:
    """The room's properties changed: name, lobby, and so on."""

    room: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Removed:
    """We are no longer in the room: it was deleted, or we were sent out of it."""

    reason: str
    room: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """We are asked to go to another room, for instance a breakout room."""

    room: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RoomMessage:
    """Nextcloud told the room something, for instance that there is new chat."""

    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """
    A media description to be answered.

    The same `sid` as before renegotiates the same connection; another one replaces it.
    """

    sender: str
    sid: str
    kind: str
    sdp: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a media description of ours."""

    sender: str
    sid: str
    kind: str
    sdp: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to reach the other side of connection `sid`; None when there are no more."""

    sender: str
    sid: str
    kind: str
    ice: Ice | None


@dataclass(frozen=True, slots=True)
class Message:
    """Anything else that somebody sent to us (`audience` "session"), to the room or the call."""

    sender: str
    audience: str
    recipient: str
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Control:
    """A moderator's order, for instance to be silent."""

    sender: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """
    One request failed; the stay goes on.

    `code` is the server's, or `session_lost` for what waited when the session was lost.
    `request` is None when the server did not say which one it means.
    """

    code: str
    message: str = ""
    request: Request | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message we do not understand; `type` is empty when it was no message at all."""

    type: str
    body: Mapping[str, Any] = field(default_factory=dict)


Event = (
    Joined
    | Offline
    | Entered
    | Changed
    | Left
    | InCall
    | InCallAll
    | Flags
    | Properties
    | Removed
    | Switch
    | RoomMessage
    | Offer
    | Answer
    | Candidate
    | Message
    | Control
    | Failed
    | Unknown
)
