"""
Words that will not change any more, taken from guesses that do.

A recogniser guesses what somebody is saying again and again. Where captions can only be appended,
a word may be shown once, so it has to be sure: it is when two guesses in a row agree on it and on
all words before it. What is left comes with the final text, which may word the beginning
differently; what was shown stays.
"""

from __future__ import annotations

from itertools import takewhile

__all__ = ["Pieces"]


class Pieces:
    """One speaker's words; `separator` is what stands between them, nothing in some languages."""

    def __init__(self, separator: str = " ") -> None:
        self._separator = separator
        self._shown = 0
        self._last: list[str] = []

    def guess(self, text: str) -> str:
        """Take a guess; returns what is sure now and was not before, perhaps nothing."""
        words, last = self._words(text), self._last
        pairs = zip(words, last, strict=False)
        agreed = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        self._last = words
        return self._show(words[:agreed])

    def finish(self, text: str) -> str:
        """Take the final text; returns what is not shown yet. The next guess begins anew."""
        rest = self._show(self._words(text))
        self._shown, self._last = 0, []
        return rest

    def _words(self, text: str) -> list[str]:
        return text.split() if self._separator else list(text)

    def _show(self, sure: list[str]) -> str:
        new = sure[self._shown :]
        self._shown += len(new)
        return self._separator.join(new)
