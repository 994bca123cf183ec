"""
What a model thinks to itself is not for the caller's ears.

Models that reason write `<think>...</think>` before their answer, where the server does not take
it out. It comes in pieces, so the first characters wait until they cannot be the mark any more.
"""

from __future__ import annotations

__all__ = ["Thoughts"]

BEGIN, END = "<think>", "</think>"


class Thoughts:
    """Takes an answer in pieces and gives back what is to be said of it."""

    def __init__(self) -> None:
        self._waiting = ""
        self._thinking = False
        self._answering = False

    def push(self, text: str) -> str:
        """Return what can be said now."""
        if self._answering:
            return text
        self._waiting += text
        if not self._thinking:
            begun = self._waiting.lstrip()
            if BEGIN.startswith(begun):
                return ""
            if not begun.startswith(BEGIN):
                return self.flush()
            self._thinking, self._waiting = True, begun.removeprefix(BEGIN)
        _, found, answer = self._waiting.partition(END)
        if not found:
            self._waiting = self._waiting[-len(END) :]
        self._answering = bool(answer.strip())
        return answer.lstrip()

    def flush(self) -> str:
        """Return what was held back and is no thought; from here on nothing is."""
        self._answering = True
        rest, self._waiting = self._waiting, ""
        return "" if self._thinking else rest
