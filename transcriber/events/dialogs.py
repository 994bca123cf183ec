"""What happens in dialogs: their states, what they do, what they say and are told."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from transcriber.events.envelope import Event, Frozen

__all__ = [
    "ActionExecuted",
    "AgentHeard",
    "AgentSaid",
    "AgentTool",
    "Cut",
    "Dialog",
    "DialogEmitted",
    "DialogEnded",
    "DialogHappened",
    "DialogOver",
    "DialogStarted",
    "Emission",
    "Executed",
    "Happening",
    "HookAnswer",
    "HookError",
    "HookFailure",
    "HookResult",
    "Spoken",
    "StateTransition",
    "ToolUse",
    "Transition",
    "TtsCompleted",
    "TtsInterrupted",
    "TtsStarted",
    "Turn",
]


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
    params: dict[str, str] = Field({})


class DialogEmitted(Event):
    """A flow did `emit_event`."""

    type: Literal["dialog.emitted"] = "dialog.emitted"
    data: Emission


class Happening(Frozen):
    """`event` is a word of the flow language, `params` what belongs to it."""

    room: str = ""
    event: str
    params: dict[str, str] = Field({})


class DialogHappened(Event):
    """A dialog was told what nobody else tells: by a clock, an agent's end, a program's event."""

    type: Literal["dialog.happened"] = "dialog.happened"
    data: Happening


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
    params: dict[str, str] = Field({})


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
