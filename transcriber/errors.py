"""
What can go wrong in the application, by who can do something about it.

* TranscriberError      `code` is public, `remedy` says what to do
    * BadInput          a file or request cannot be used; the sender must change it
    * Misconfigured     a setting is wrong or missing; the administrator must change it
    * EngineError       a recogniser or voice failed; `retryable` says whether trying again helps
    * Overloaded        no room for more right now; trying later helps
    * NotFound          there is no such thing any more
    * NotAllowed        somebody may not do this; somebody else may
    * store.StoreFailed, store.Conflict: nothing was kept; somebody else changed it

The libraries below (`hpb`, `webhooks`, `dialogs`, `modal_app`) raise trees of their own.
"""

from __future__ import annotations

from typing import Literal

__all__ = [
    "BadInput",
    "EngineError",
    "EngineProblem",
    "Misconfigured",
    "NotAllowed",
    "NotFound",
    "Overloaded",
    "TranscriberError",
]

EngineProblem = Literal[
    "auth", "quota", "busy", "bad_request", "network", "timeout", "engine", "unusable"
]

HOPELESS: frozenset[EngineProblem] = frozenset({"auth", "quota", "bad_request", "unusable"})
"""Problems of an engine that no second try solves."""


class TranscriberError(Exception):
    """Base class of everything the application raises on purpose."""

    code = "error"

    def __init__(self, problem: str, *, remedy: str = "") -> None:
        super().__init__(f"{problem}; {remedy}" if remedy else problem)
        self.problem = problem
        self.remedy = remedy


class BadInput(TranscriberError):
    """What we were given cannot be used; trying again with the same thing cannot help."""

    code = "bad_input"


class Misconfigured(TranscriberError):
    """A setting is missing or wrong; trying again cannot help before it is changed."""

    code = "misconfigured"

    def __init__(self, setting: str, problem: str, *, remedy: str = "") -> None:
        super().__init__(f"{setting}: {problem}", remedy=remedy)
        self.setting = setting


class EngineError(TranscriberError):
    """An engine failed; `retry_after` are the seconds it asked us to wait, if it did."""

    def __init__(
        self,
        kind: EngineProblem,
        problem: str,
        *,
        remedy: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(problem, remedy=remedy)
        self.kind = kind
        self.code = f"engine_{kind}"
        self.retryable = kind not in HOPELESS
        self.retry_after = retry_after


class Overloaded(TranscriberError):
    """A limit of ours is reached; trying later helps."""

    code = "overloaded"


class NotFound(TranscriberError):
    """There is no such thing any more, or there never was."""

    code = "not_found"


class NotAllowed(TranscriberError):
    """Somebody may not do this; with other rights it works."""

    code = "not_allowed"
