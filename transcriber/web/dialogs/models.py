"""What the routes about dialogs take and give."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dialogs import Event, Flow, Problem, Report
from transcriber.session.accounts import Account
from transcriber.session.conversation import Taken
from transcriber.session.session import KEYS

__all__ = [
    "Begun",
    "Broken",
    "DialogShown",
    "Dialogs",
    "New",
    "NewInRoom",
    "ProblemShown",
    "Sent",
    "SessionShown",
    "TakenShown",
]

KINDS = r"^(speech|dtmf|silence|joined|left|custom(\.[\w.-]{1,100})?)$"
Text = Annotated[str, Field(max_length=16_384)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Variables = Annotated[dict[Name, Text], Field(max_length=200)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewInRoom(_Given):
    """A conversation to hold in a room; `state` to begin in another one than the flow's."""

    dialog: Name
    id: Annotated[str, Field(pattern=r"^[\w-]{1,100}$")] | None = None
    state: Annotated[str, Field(max_length=200)] = ""
    variables: Variables = {}


class New(NewInRoom):
    """A conversation to hold: in the call of a Talk room, or in writing if none is named."""

    room: Annotated[str, Field(max_length=255)] = ""


class Sent(_Given):
    """
    Something that happens: `speech` with its `text`, `dtmf` with its `digits`, `silence`, `joined`,
    `left`, or an event of one's own, `custom.NAME`, with any `data`.
    """

    type: Annotated[str, Field(pattern=KINDS)]
    text: Text = ""
    digits: Annotated[str, Field(pattern=f"^[{KEYS}]*$", max_length=100)] = ""
    language: Annotated[str, Field(max_length=35)] = ""
    person: Annotated[str, Field(max_length=200)] = ""
    data: Variables = {}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {"speech": "text", "dtmf": "digits"}
        for kind, field in needed.items():
            given = str(getattr(self, field)).strip()
            if self.type == kind and not given:
                raise ValueError(f"{kind} needs {field}")
            if self.type != kind and given:
                raise ValueError(f"{field} belongs to {kind}")
        return self

    def events(self) -> list[Event]:
        """Say it in the flow language: each key is an event of its own."""
        who = {"person": self.person, "person_id": self.person}
        match self.type:
            case "speech":
                return [Event("speech", {"text": self.text, "language": self.language, **who})]
            case "dtmf":
                return [Event("dtmf", {"digit": digit, **who}) for digit in self.digits]
        return [Event(self.type, {**self.data, **who})]


class ActionShown(BaseModel):
    """Something that a conversation did; secrets are left out."""

    type: str
    params: dict[str, Any]


class TakenShown(BaseModel):
    """What an event led to, as far as that is done; the rest is told on the WebSocket."""

    previous_state: str
    state: str
    ended: bool
    actions: list[ActionShown]

    @classmethod
    def of(cls, taken: Taken) -> Self:
        """Show it."""
        return cls(
            previous_state=taken.previous_state,
            state=taken.state,
            ended=taken.ended,
            actions=_actions(taken),
        )


def _actions(taken: Taken) -> list[ActionShown]:
    return [
        ActionShown.model_validate({"type": one["action_type"], "params": one["params"]})
        for one in taken.actions
    ]


class Step(BaseModel):
    """One change of the state."""

    from_state: str
    to_state: str
    trigger: str
    timestamp: str


class SessionShown(BaseModel):
    """A conversation; `outcome` says how it ended, and is empty while it has not."""

    id: str
    dialog: str
    room: str
    state: str
    outcome: str
    variables: dict[str, str]
    history: list[Step]
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, account: Account) -> Self:
        """Show it."""
        return cls(**_shown(account))


class Begun(SessionShown):
    """A new conversation, and what it began with."""

    actions: list[ActionShown]

    @classmethod
    def with_(cls, account: Account, taken: Taken) -> Self:
        """Show both."""
        return cls(**{**_shown(account), "state": taken.state}, actions=_actions(taken))


def _shown(account: Account) -> dict[str, Any]:
    kept = account.snapshot
    return {
        "id": account.id,
        "dialog": account.dialog,
        "room": account.room,
        "state": kept["state"],
        "outcome": account.outcome,
        "variables": kept["variables"],
        "history": kept["history"],
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    }


class ProblemShown(BaseModel):
    """Something about a flow file that is wrong, or looks so."""

    severity: str
    line: int
    key: str
    message: str
    hint: str

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Show it."""
        return cls(
            severity=problem.severity,
            line=problem.line,
            key=problem.key,
            message=problem.message,
            hint=problem.hint,
        )


class DialogShown(BaseModel):
    """A dialog that can be held; `diagram` is in mermaid's language."""

    name: str
    version: str
    description: str
    language: str
    file: str
    initial_state: str
    states: list[str]
    diagram: str
    problems: list[ProblemShown]

    @classmethod
    def of(cls, flow: Flow, report: Report) -> Self:
        """Show it."""
        return cls(
            name=flow.name,
            version=flow.version,
            description=flow.description,
            language=flow.language,
            file=flow.file,
            initial_state=flow.initial_state,
            states=list(flow.states),
            diagram=report.mermaid,
            problems=[ProblemShown.of(one) for one in report.problems],
        )


class Broken(BaseModel):
    """A file that cannot be used as it is; the version before it goes on."""

    file: str
    problems: list[ProblemShown]


class Dialogs(BaseModel):
    """All dialogs by name, and the files that are broken."""

    items: list[DialogShown]
    broken: list[Broken]
    next_cursor: str | None = None
