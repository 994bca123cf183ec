"""
The vocabulary: everything that can happen, in one place.

An event's `type` is also its public name in webhooks, on the event stream and in the console,
and `data` is its public payload. Adding a field is compatible; renaming or removing one is not.
Every event travels in the same envelope, whoever carries it. What has to change in a way that is
not compatible becomes a new type; until then `version` counts the fields that were added.

The names of the payload's fields are those that subscribers of earlier platforms know.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from transcriber.ids import new_id

__all__ = [
    "EVENT_TYPES",
    "ActionExecuted",
    "AgentHeard",
    "AgentSaid",
    "AgentTool",
    "Buried",
    "CallStarted",
    "CallTerminated",
    "DialogEmitted",
    "DialogEnded",
    "DialogStarted",
    "Disabled",
    "DtmfReceived",
    "ErrorHappened",
    "Event",
    "HookError",
    "HookResult",
    "Moment",
    "PersonJoined",
    "PersonLeft",
    "SpeakerChanged",
    "SpeechFinal",
    "SpeechPartial",
    "SpeechStarted",
    "SpokenWord",
    "StateTransition",
    "TrackPublished",
    "TrackUnpublished",
    "TranscriptEnded",
    "TranscriptStarted",
    "Trial",
    "TtsCompleted",
    "TtsInterrupted",
    "TtsStarted",
    "WebhookBuried",
    "WebhookDisabled",
    "WebhookTest",
    "json_schema",
]


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[AwareDatetime, PlainSerializer(_rfc3339, when_used="json")]


class Frozen(BaseModel):
    """A value that does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(Frozen):
    """
    Something that happened during a session; the envelope that all events share.

    `id` sorts by time. `session_id` is empty for what belongs to no session.
    """

    version: ClassVar[int] = 1

    id: str = Field(default_factory=lambda: new_id("evt"))
    type: str
    source: str = "transcriber"
    session_id: str
    timestamp: Moment = Field(default_factory=lambda: datetime.now(UTC))
    data: BaseModel
    metadata: dict[str, str] = {}


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


class Dialog(Frozen):
    """A conversation: its id is the envelope's `metadata.dialog_id`."""

    room: str = ""
    dialog_name: str
    state: str


class DialogStarted(Event):
    """A conversation began, or went on after a restart."""

    type: Literal["dialog.started"] = "dialog.started"
    data: Dialog


class DialogOver(Dialog):
    """`reason`: finished, hangup, transferred, closed, loop, idle or failed."""

    reason: str


class DialogEnded(Event):
    """A conversation is over."""

    type: Literal["dialog.ended"] = "dialog.ended"
    data: DialogOver


class Emission(Frozen):
    """What a flow wants to be known, by a name of its own."""

    room: str = ""
    name: str
    params: dict[str, str] = {}


class DialogEmitted(Event):
    """A flow did `emit_event`."""

    type: Literal["dialog.emitted"] = "dialog.emitted"
    data: Emission


class Transition(Frozen):
    """`trigger_event` is the text, the digit or `timeout` that made the dialog move."""

    room: str = ""
    from_state: str
    to_state: str
    trigger_event: str
    dialog_name: str


class StateTransition(Event):
    """A dialog moved to another state."""

    type: Literal["state.transition"] = "state.transition"
    data: Transition


class Executed(Frozen):
    """What a dialog did; `params` as they were after rendering, without secrets."""

    room: str = ""
    action_type: str
    params: dict[str, str] = {}


class ActionExecuted(Event):
    """A dialog did something."""

    type: Literal["action.executed"] = "action.executed"
    data: Executed


class HookAnswer(Frozen):
    """What a hook answered; `response` is its JSON, if it had any."""

    room: str = ""
    hook_url: str
    status_code: int
    response: dict[str, Any] | None = None


class HookResult(Event):
    """A dialog called a hook and was answered."""

    type: Literal["hook.result"] = "hook.result"
    data: HookAnswer


class HookFailure(Frozen):
    """Why a hook gave no usable answer."""

    room: str = ""
    hook_url: str
    error: str


class HookError(Event):
    """A dialog called a hook in vain."""

    type: Literal["hook.error"] = "hook.error"
    data: HookFailure


class Spoken(Frozen):
    """What we say; `voice` as the engine names it."""

    room: str = ""
    text: str
    voice: str = ""


class TtsStarted(Event):
    """We began to speak."""

    type: Literal["tts.started"] = "tts.started"
    data: Spoken


class TtsCompleted(Event):
    """We finished speaking."""

    type: Literal["tts.completed"] = "tts.completed"
    data: Spoken


class Cut(Spoken):
    """`spoken` is the part that was heard."""

    spoken: str = ""


class TtsInterrupted(Event):
    """Somebody did not want to hear all of what we said."""

    type: Literal["tts.interrupted"] = "tts.interrupted"
    data: Cut


class Turn(Frozen):
    """One side's words in a conversation that an agent leads; `turn` counts what it was told."""

    room: str = ""
    text: str
    turn: int


class AgentHeard(Event):
    """Somebody told an agent something."""

    type: Literal["agent.heard"] = "agent.heard"
    data: Turn


class AgentSaid(Event):
    """An agent has something to say; `tts.interrupted` tells if not all of it was heard."""

    type: Literal["agent.said"] = "agent.said"
    data: Turn


class ToolUse(Frozen):
    """Which tool, and whether it worked."""

    room: str = ""
    tool: str
    ok: bool


class AgentTool(Event):
    """An agent used a tool."""

    type: Literal["agent.tool"] = "agent.tool"
    data: ToolUse


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


class Trial(Frozen):
    """Proves that a webhook works."""

    webhook_id: str
    message: str


class WebhookTest(Event):
    """Somebody asked for a trial delivery."""

    type: Literal["webhook.test"] = "webhook.test"
    data: Trial


class Disabled(Frozen):
    """`reason` says what made us stop sending."""

    webhook_id: str
    url: str
    reason: str


class WebhookDisabled(Event):
    """We stopped sending to a webhook: it is gone, or failed for too long."""

    type: Literal["webhook.disabled"] = "webhook.disabled"
    data: Disabled


class Buried(Frozen):
    """`event_id` and `event_type` name what could not be delivered."""

    webhook_id: str
    event_id: str
    event_type: str
    attempts: int
    error: str


class WebhookBuried(Event):
    """An event became a dead letter; it can be replayed."""

    type: Literal["webhook.buried"] = "webhook.buried"
    data: Buried


EVENT_TYPES: dict[str, type[Event]] = {
    kind.model_fields["type"].default: kind
    for kind in (
        CallStarted,
        CallTerminated,
        PersonJoined,
        PersonLeft,
        SpeechStarted,
        SpeechPartial,
        SpeechFinal,
        DtmfReceived,
        DialogStarted,
        DialogEnded,
        DialogEmitted,
        StateTransition,
        ActionExecuted,
        HookResult,
        HookError,
        TtsStarted,
        TtsCompleted,
        TtsInterrupted,
        AgentHeard,
        AgentSaid,
        AgentTool,
        ErrorHappened,
        WebhookTest,
        WebhookDisabled,
        WebhookBuried,
        TrackPublished,
        TrackUnpublished,
        SpeakerChanged,
        TranscriptStarted,
        TranscriptEnded,
    )
}
"""Every kind of event by its public name."""


def json_schema(kind: type[Event]) -> dict[str, Any]:
    """Describe an event as subscribers receive it, in JSON Schema."""
    schema = kind.model_json_schema(mode="serialization")
    name = kind.model_fields["type"].default
    return {"$id": f"urn:transcriber:event:{name}:v{kind.version}", **schema, "title": name}
