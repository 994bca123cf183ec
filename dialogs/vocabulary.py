"""
The words of the flow language: which events there are, which actions, and what they take.

One table for the schema that checks files, for the documentation and for everybody who wonders. An
event or an action is added here and in `performer.py`, nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["ACTIONS", "CUSTOM", "EVENTS", "INPUT", "ActionKind", "Param", "event_known"]

EVENTS: Mapping[str, str] = {
    "speech": "somebody said something; `event.text`, `event.person`, `event.language`",
    "speech_partial": "somebody is saying something (only if `listen` asks for partials)",
    "dtmf": "a key was pressed; `event.digit`",
    "digits": "`collect` is done; `event.digits`, and `event.complete` when there were enough",
    "tts_complete": "everything that was to be said or played has been",
    "tts_interrupted": "somebody spoke or pressed a key meanwhile; `event.spoken` was heard",
    "hook_result": "a hook answered; `result` is its data",
    "hook_error": "a hook did not answer, or not well; `event.error`, `event.status`",
    "action_error": "an action failed; `event.action`, `event.error`",
    "agent_done": "an agent has finished; `event.outcome`, and `result` is what it found out",
    "timeout": "the state's time is over",
    "silence": "nobody has said anything for a while",
    "joined": "somebody came in; `event.person`",
    "left": "somebody went; `event.person`",
}
CUSTOM = "custom"
"""Events from the API: `custom` for any, `custom.NAME` for one."""
INPUT = frozenset(
    {"speech", "speech_partial", "dtmf", "digits", "silence", "timeout", "joined", "left"}
)
"""What a person or the clock must do: no loop can go round without one of these."""

Kind = Literal[
    "text",
    "texts",
    "words",
    "word",
    "duration",
    "flag",
    "choice",
    "number",
    "state",
    "agent",
    "tools",
]


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter; a `text` and `texts` may have templates in them, the others not."""

    kind: Kind
    about: str
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionKind:
    """One action; `others` says that any other parameter is taken as a text."""

    about: str
    params: Mapping[str, Param]
    others: bool = False
    one_of: tuple[str, ...] = ()


AUTH = {
    "auth_type": Param("choice", "how to prove who asks", choices=("none", "bearer", "hmac")),
    "auth_secret": Param("text", "the token, or the key of the signature"),
}
BARGE_IN = Param("flag", "whether a voice or a key stops it (true)")

ACTIONS: Mapping[str, ActionKind] = {
    "play_tts": ActionKind(
        "say something; what comes next in the list does not wait for it, unless `wait`",
        {
            "text": Param("text", "what to say", required=True),
            "voice": Param("text", "another voice"),
            "engine": Param("text", "another engine"),
            "language": Param("text", "another language"),
            "barge_in": BARGE_IN,
            "wait": Param("flag", "go on only when it has been said (false)"),
        },
    ),
    "play_audio": ActionKind(
        "play a sound",
        {
            "file": Param("text", "a wav or ogg file beside the flow"),
            "url": Param("text", "where to fetch it"),
            "barge_in": BARGE_IN,
            "wait": Param("flag", "go on only when it has been played (false)"),
        },
        one_of=("file", "url"),
    ),
    "call_hook": ActionKind(
        "ask a web service; it may set variables, say what to do and where to go",
        {
            "url": Param("text", "where to ask", required=True),
            **AUTH,
            "timeout": Param("duration", "how long one try may take (10s)"),
            "retries": Param("number", "further tries after a failure (0)"),
        },
    ),
    "set_variable": ActionKind("set variables: each parameter is one", {}, others=True),
    "hangup": ActionKind(
        "end the call, when everything has been said", {"reason": Param("text", "for the log")}
    ),
    "transfer": ActionKind(
        "hand the call to somebody else, when everything has been said",
        {"to": Param("text", "a number or address", required=True)},
    ),
    "listen": ActionKind(
        "how to listen from now on",
        {
            "language": Param("text", "what is spoken"),
            "engine": Param("text", "another recogniser"),
            "hints": Param("texts", "words to expect"),
            "barge_in": Param("flag", "whether a voice or a key stops what is being said"),
            "partials": Param("flag", "whether `speech_partial` happens"),
            "end_of_turn": Param(
                "choice", "what ends a turn", choices=("auto", "silence", "meaning")
            ),
            "silence": Param("duration", "quiet time after which `silence` happens (5s)"),
        },
    ),
    "collect": ActionKind(
        "gather keys into one `digits` event",
        {
            "digits": Param("number", "how many at most (20)"),
            "at_least": Param("number", "how many at least (1)"),
            "end": Param("word", "the key that ends it (#)"),
            "timeout": Param("duration", "quiet time after which it ends (5s)"),
        },
    ),
    "say_caption": ActionKind(
        "show a line in the call", {"text": Param("text", "the line", required=True)}
    ),
    "run_agent": ActionKind(
        "let a language model lead until it has finished",
        {
            "agent": Param("agent", "which one", required=True),
            "tools": Param("tools", "the tools it may use here (all of its own)"),
            "words": Param("text", "what it shall take as said, instead of greeting"),
        },
    ),
    "emit_event": ActionKind(
        "tell whoever follows this dialog; any other parameter goes along",
        {"name": Param("word", "the event's name", required=True)},
        others=True,
    ),
    "goto": ActionKind("go to another state", {"state": Param("state", "which", required=True)}),
}


def event_known(name: str) -> bool:
    """Whether a transition can wait for it."""
    return name in EVENTS or name == CUSTOM or name.startswith(f"{CUSTOM}.")
