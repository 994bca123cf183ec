"""What happens in calls: who is there, what is said and sent, what is kept of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from transcriber.events.envelope import Event, Frozen

__all__ = [
    "ActiveSpeakers",
    "Beginning",
    "CallStarted",
    "CallTerminated",
    "DtmfReceived",
    "ErrorHappened",
    "Failure",
    "Finish",
    "Loudness",
    "PersonJoined",
    "PersonLeft",
    "Presence",
    "Pressed",
    "SpeakerChanged",
    "Speech",
    "SpeechFinal",
    "SpeechPartial",
    "SpeechStarted",
    "SpokenWord",
    "Started",
    "Terminated",
    "Track",
    "TrackPublished",
    "TrackUnpublished",
    "TranscriptBegun",
    "TranscriptEnded",
    "TranscriptOver",
    "TranscriptStarted",
    "TurnEnded",
]


class Started(Frozen):
    """`protocol` says which way we are connected: talk, sfu, file, ..."""

    room: str
    protocol: str = ""
    caller_id: str = ""
    called_number: str = ""


class CallStarted(Event):
    """We entered a call."""

    type: Literal["call.started"] = "call.started"
    data: Started


class Terminated(Frozen):
    """`reason` is a short word: ended, failed or cancelled."""

    room: str
    reason: str
    duration_ms: int


class CallTerminated(Event):
    """We left a call, or it ended."""

    type: Literal["call.terminated"] = "call.terminated"
    data: Terminated


class Presence(Frozen):
    """Somebody in a call; `account` is who they are outside of it, such as `users/ann`."""

    room: str
    person_id: str
    person_name: str = ""
    account: str = ""


class PersonJoined(Event):
    """Somebody can be heard from now on."""

    type: Literal["person.joined"] = "person.joined"
    data: Presence


class PersonLeft(Event):
    """Somebody cannot be heard any more."""

    type: Literal["person.left"] = "person.left"
    data: Presence


class Beginning(Frozen):
    """Who begins to speak, and when, in milliseconds since the first person could be heard."""

    room: str
    person_id: str
    person_name: str = ""
    at_ms: int


class SpeechStarted(Event):
    """Somebody begins to speak; their words follow, if it is speech at all."""

    type: Literal["speech.started"] = "speech.started"
    data: Beginning


class Finish(Frozen):
    """Whose turn is over, `at_ms` of the call, and how sure the recogniser is of it (0 to 1)."""

    room: str
    person_id: str
    person_name: str = ""
    at_ms: int
    probability: float = 1.0


class TurnEnded(Event):
    """Somebody has finished, by the meaning of what they said; not every recogniser tells."""

    type: Literal["turn.ended"] = "turn.ended"
    data: Finish


class SpokenWord(Frozen):
    """One word and when it was said, in milliseconds since the first person could be heard."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float | None = None
    estimated: bool = False


class Speech(Frozen):
    """What somebody said; times count from when the first person of the call could be heard."""

    room: str
    person_id: str
    person_name: str = ""
    transcript: str
    language: str
    start_ms: int
    end_ms: int
    confidence: float | None = None
    words: tuple[SpokenWord, ...] = ()
    segments: tuple[SpokenWord, ...] = ()
    """Phrases, for engines that hear phrases and not words."""


class SpeechPartial(Event):
    """What a speaker seems to be saying; replaced by the next one."""

    type: Literal["speech.partial"] = "speech.partial"
    data: Speech


class SpeechFinal(Event):
    """What a speaker said; never replaced."""

    type: Literal["speech.final"] = "speech.final"
    data: Speech


class Failure(Frozen):
    """`code` is stable; `message` is for people; `person_id` when only one speaker is affected."""

    room: str = ""
    person_id: str = ""
    code: str
    message: str


class ErrorHappened(Event):
    """Something went wrong that somebody should know."""

    type: Literal["error"] = "error"
    data: Failure


class Pressed(Frozen):
    """
    A key of a telephone: `key` as printed on it, `digit` the number of that character.

    The number is what subscribers of earlier platforms read: 49 stands for "1".
    """

    room: str = ""
    person_id: str = ""
    key: str
    digit: int
    duration_ms: int = 0


class DtmfReceived(Event):
    """Somebody pressed a key."""

    type: Literal["dtmf.received"] = "dtmf.received"
    data: Pressed


class Track(Frozen):
    """One stream of sound or picture that somebody sends."""

    room: str
    person_id: str
    track_id: str
    kind: Literal["audio", "video"]


class TrackPublished(Event):
    """Somebody began to send a track."""

    type: Literal["track.published"] = "track.published"
    data: Track


class TrackUnpublished(Event):
    """Somebody no longer sends a track."""

    type: Literal["track.unpublished"] = "track.unpublished"
    data: Track


class Loudness(Frozen):
    """How loud somebody is: 0 is the loudest, 127 silence (RFC 6464)."""

    person_id: str
    audio_level: int = Field(ge=0, le=127)


class ActiveSpeakers(Frozen):
    """Who speaks, the loudest first."""

    room: str
    speakers: tuple[Loudness, ...]


class SpeakerChanged(Event):
    """Somebody else is speaking now."""

    type: Literal["speaker.changed"] = "speaker.changed"
    data: ActiveSpeakers


class TranscriptBegun(Frozen):
    """What is said in a room is kept from now on."""

    room: str
    transcript_id: str


class TranscriptStarted(Event):
    """A transcript began; everybody in the call has been told."""

    type: Literal["transcript.started"] = "transcript.started"
    data: TranscriptBegun


class TranscriptOver(TranscriptBegun):
    """`lines` are the sentences in it; without any, nothing is kept."""

    lines: int


class TranscriptEnded(Event):
    """A transcript is complete."""

    type: Literal["transcript.ended"] = "transcript.ended"
    data: TranscriptOver
