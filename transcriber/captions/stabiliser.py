"""
Which words of an utterance that goes on are shown.

An engine that recognises the same audio again and again changes its mind, mostly about the last
words. People read: a word that changes under their eyes costs more than one that comes half a
second later. So a word is shown once two hypotheses in a row have it, and what is shown stays as
it is until the final. Where a new hypothesis disagrees with what is shown, the two are aligned,
so that nothing is shown twice or left out.

Engines that write word after word and take nothing back need none of this. They are not asked
whether they are such an engine: who has only appended for a while is believed at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from transcriber.captions.words import bare, key
from transcriber.engines.stt.base import Word

__all__ = ["Stabiliser"]

TRUSTED = 12
"""Hypotheses in a row that only append, after which an engine is believed at once."""
REACH = 48
"""Words at the end of what is shown that are aligned with a hypothesis that disagrees."""


class Stabiliser:
    """Follows the hypotheses of one speaker."""

    def __init__(self) -> None:
        self._shown: list[Word] = []
        self._next: tuple[Word, ...] = ()
        self._before: tuple[str, ...] = ()
        self._appended = 0

    def partial(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Take in a hypothesis of the whole utterance; says what to show of it."""
        self._judge(tuple(word.text for word in words))
        following = tuple(words[self._covered(words) :])
        size = len(following) if self._trusted else _agreed(following, self._next)
        self._shown += following[:size]
        self._next = following[size:]
        if size and not self._next and not self._trusted:
            return (*self._shown[:-1], _open(self._shown[-1]))
        return tuple(self._shown)

    def final(self) -> None:
        """The utterance is over: its final replaces what was shown."""
        self._shown, self._next, self._before = [], (), ()

    @property
    def _trusted(self) -> bool:
        return self._appended >= TRUSTED

    def _judge(self, texts: tuple[str, ...]) -> None:
        if texts[: len(self._before)] != self._before:
            self._appended = 0
        elif self._before and texts != self._before:
            self._appended += 1
        self._before = texts

    def _covered(self, words: Sequence[Word]) -> int:
        """How many words of the hypothesis are those that are shown."""
        shown, new = [key(w.text) for w in self._shown], [key(w.text) for w in words]
        if new[: len(shown)] == shown:
            return len(shown)
        start = max(0, len(shown) - REACH)
        return start + _nearest(shown[start:], new[start : start + 2 * REACH])


def _open(word: Word) -> Word:
    """A last word without its full stop: the engine cannot know yet that nothing follows."""
    return Word(bare(word.text), word.start, word.end, word.confidence, word.estimated)


def _agreed(words: Sequence[Word], others: Sequence[Word]) -> int:
    for size, (word, other) in enumerate(zip(words, others, strict=False)):
        if key(word.text) != key(other.text):
            return size
    return min(len(words), len(others))


def _nearest(shown: Sequence[str], new: Sequence[str]) -> int:
    """The length of the beginning of `new` that differs least from `shown`."""
    row = list(range(len(new) + 1))
    for i, word in enumerate(shown, 1):
        corner, row[0] = row[0], i
        for j, other in enumerate(new, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (word != other))
    return min(range(len(row)), key=lambda j: (row[j], abs(j - len(shown))))
