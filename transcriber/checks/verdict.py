"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REACH", "Verdict"]

REACH = 5.0
"""Seconds for a peer to answer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found; `problem` is empty when all is well."""

    what: str
    setting: str
    problem: str = ""
