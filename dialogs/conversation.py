"""
What has been said between an agent and somebody, as the model gets to see it.

What we said is kept as what was heard of it, because a model that believes it has said something
will not say it again. What identifies somebody is hidden; a restart finds all of it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dialogs.flow import AgentSpec
from dialogs.machine import Machine
from dialogs.mouth import Utterance
from dialogs.ports import Prompt
from dialogs.privacy import Vault

__all__ = ["FINISH", "Conversation", "Reply"]

MANNERS = (
    "You are talking with somebody on a voice call. Answer in one to three short sentences, without"
    " lists or markup. Words such as [phone 1] stand for what you need not see; use them as they"
    " are. Call finish as soon as the conversation has reached one of its outcomes."
)
FINISH = "finish"
"""The tool with which a model ends its part."""


@dataclass(slots=True)
class Reply:
    """What we said: as long as it is being said, all of it; then what was heard of it."""

    said: list[Utterance] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """Whether somebody did not want to hear all of it."""
        return any(one.fate == "interrupted" for one in self.said)

    @property
    def text(self) -> str:
        """All of it, or what was heard."""
        heard = (one.heard if one.over.is_set() else one.text for one in self.said)
        return " ".join(part for part in heard if part)


class Conversation:
    """One conversation's messages, and what it has taken so far."""

    def __init__(self, spec: AgentSpec, machine: Machine) -> None:
        self.turns = 0
        self.cost = 0.0
        self._spec = spec
        self._machine = machine
        self._messages: list[Mapping[str, object] | Reply] = []
        self._vault = Vault()

    def add(self, *messages: Mapping[str, object] | Reply) -> None:
        """Go on with these."""
        self._messages += messages

    def reveal(self, text: str) -> str:
        """Put back what words such as `[phone 1]` stand for."""
        return self._vault.reveal(text)

    def hide(self, text: str) -> str:
        """Keep from the model what it need not know, if the flow wants that."""
        return self._vault.hide(text) if self._spec.redact else text

    def prompt(self, tools: Sequence[Mapping[str, object]]) -> Prompt:
        """Ask the model to go on, with these tools and one to finish."""
        instructions = self._spec.instructions.render(self._machine.context())
        system = {"role": "system", "content": f"{instructions}\n\n{MANNERS}"}
        shown = self._shown()[-self._spec.history :] if self._spec.history else self._shown()
        while shown and shown[0]["role"] == "tool":
            shown.pop(0)
        finish = {
            "type": "object",
            "properties": {
                "outcome": {"type": "string", "enum": list(self._spec.outcomes)},
                "data": {"type": "object", "description": "what was found out"},
            },
            "required": ["outcome"],
        }
        about = {"name": FINISH, "description": "End your part.", "parameters": finish}
        every = [*tools, {"type": "function", "function": about}]
        return Prompt([system, *shown], every, self._spec.model, self._spec.temperature)

    def _shown(self) -> list[Mapping[str, object]]:
        """Write the conversation as the model gets to see it: only what was heard was said."""
        shown: list[Mapping[str, object]] = []
        for message in self._messages:
            if not isinstance(message, Reply):
                shown.append(message)
            elif message.text:
                shown.append({"role": "assistant", "content": self.hide(message.text)})
        return shown

    def keep(self) -> None:
        """Put all of it where a snapshot of the machine takes it along."""
        self._machine.memory = {
            "agent": self._spec.name,
            "messages": self._shown(),
            "turns": self.turns,
            "cost": self.cost,
            "vault": self._vault.values,
        }

    def remember(self) -> bool:
        """Go on with what was kept before a restart, if there is any."""
        memory = self._machine.memory
        match memory:
            case {
                "agent": self._spec.name,
                "messages": list(messages),
                "turns": int(turns),
                "cost": float(cost),
                "vault": dict(vault),
            }:
                self._messages = list(messages)
                self.turns, self.cost, self._vault = turns, cost, Vault(vault)
                return True
        return False
