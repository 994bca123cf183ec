"""
A dialog as values: what the schema makes of a file, and all the machine knows.

Nothing here changes once it is made, so that any number of conversations share one flow, and one
that began with an older version of the file goes on with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dialogs.templates import EMPTY, Template

__all__ = ["Action", "AgentSpec", "Auth", "Flow", "State", "Tool", "Transition"]

Value = Template | float | bool | str | tuple[Template, ...] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do; texts are templates until it is done."""

    type: str
    params: Mapping[str, Value] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class Transition:
    """The way to another state: on this event, if the condition holds."""

    event: str
    target: str
    condition: Template | None = None
    actions: tuple[Action, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """A place in a dialog."""

    name: str
    on_enter: tuple[Action, ...] = ()
    transitions: tuple[Transition, ...] = ()
    timeout: float = 0.0
    """Seconds from entering until `timeout` happens; 0 for never."""
    timeout_next: str = ""
    terminal: bool = False
    line: int = 0

    @property
    def actions(self) -> Iterator[Action]:
        """All that can be done from here, on entering and on leaving."""
        yield from self.on_enter
        for transition in self.transitions:
            yield from transition.actions


@dataclass(frozen=True, slots=True)
class Auth:
    """How a request proves where it comes from; the secret is a template."""

    type: str = "none"
    secret: Template = EMPTY


@dataclass(frozen=True, slots=True)
class Tool:
    """Something an agent can do: one HTTP request, whose arguments the model chooses."""

    name: str
    description: str
    url: Template
    method: str = "POST"
    parameters: Mapping[str, object] = field(default_factory=dict)
    """A JSON Schema; what the model says is held against it before anything is sent."""
    auth: Auth = Auth()
    timeout: float = 10.0
    max_result: int = 4000
    """Characters of the answer that the model gets to see."""
    say: str = ""
    """What to say while it takes its time."""


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """A conversation led by a language model; the defaults are the house's error policy."""

    name: str
    instructions: Template
    greeting: Template | None = None
    model: str = ""
    temperature: float = 0.4
    tools: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ("done",)
    """The words with which the model may end the conversation."""
    max_turns: int = 30
    max_cost: float = 0.0
    """In the currency the model's port reports; 0 for no limit."""
    max_words: int = 120
    """Words of one answer; a voice that goes on and on is no conversation."""
    history: int = 40
    """Messages the model gets to see."""
    silence: float = 5.0
    silence_prompts: tuple[str, ...] = ("Are you still there?",)
    model_timeout: float = 10.0
    fallbacks: tuple[str, ...] = ("One moment, please.", "I am sorry, I did not get that.")
    failures: int = 3
    transfer_to: str = ""
    """Where to transfer after too many failures; hangs up when there is none."""
    goodbye: str = "I am sorry, I cannot help you right now. Goodbye."
    redact: bool = True
    """Whether card numbers, addresses and phone numbers are kept from the model."""
    topics_url: Template | None = None
    """Asked about each thing said, before the model is: `{"allowed": false, "say": "..."}`."""
    topics_auth: Auth = Auth()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """One dialog."""

    name: str
    initial_state: str
    states: Mapping[str, State]
    version: str = ""
    description: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    voice: str = ""
    agents: Mapping[str, AgentSpec] = field(default_factory=dict)
    tools: Mapping[str, Tool] = field(default_factory=dict)
    file: str = ""
    digest: str = ""
    """Of the file's text: tells two versions apart."""
