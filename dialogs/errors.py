"""
What can go wrong in dialogs, and whether trying again can help.

* DialogError
    * FlowError         a flow file cannot be used; `problems` has all that is wrong with it
    * TemplateError     a template cannot be read, or failed while it ran; `hint` says what to do
    * UnknownState      a session or a hook names a state that the flow does not have
    * Ended             the dialog is over; nothing more can be sent to it
    * Busy              the dialog has too much to read just now; trying later helps
    * PortFailed        what a host's port raises when the outside world fails
        * VoiceFailed   speech could not be made or played
        * HookFailed    a request got no answer; `retryable` says whether trying again can help
        * ModelFailed   the language model failed or gave no answer; trying again may help
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dialogs.problem import Problem

__all__ = [
    "Busy",
    "DialogError",
    "Ended",
    "FlowError",
    "HookFailed",
    "ModelFailed",
    "PortFailed",
    "TemplateError",
    "UnknownState",
    "VoiceFailed",
]


class DialogError(Exception):
    """Base class of everything this library raises on purpose."""


class FlowError(DialogError):
    """A flow cannot be used; changing the file helps, trying again does not."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class TemplateError(DialogError):
    """A template cannot be read or run; `line` counts from 1 within the template."""

    def __init__(self, problem: str, *, hint: str = "", line: int = 1) -> None:
        super().__init__(f"{problem}; {hint}" if hint else problem)
        self.problem = problem
        self.hint = hint
        self.line = line


class UnknownState(DialogError):
    """There is no such state; trying again cannot help."""


class Ended(DialogError):
    """The dialog is over; trying again cannot help."""


class Busy(DialogError):
    """Too many events wait already; trying later helps."""


class PortFailed(DialogError):
    """The world outside failed us."""


class VoiceFailed(PortFailed):
    """Nothing was heard of what should have been said or played, or only a part."""


class HookFailed(PortFailed):
    """A request was refused before it left, or there was no answer to it."""

    def __init__(self, problem: str, *, retryable: bool = True) -> None:
        super().__init__(problem)
        self.retryable = retryable


class ModelFailed(PortFailed):
    """The language model failed."""
