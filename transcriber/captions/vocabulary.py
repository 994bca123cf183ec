"""
Names as their owners write them, also from engines that take no hints.

A recogniser writes `next cloud` or `Kubernetis`; whoever set the vocabulary wrote `Nextcloud`.
What sounds the same letter by letter is written the listed way, however it was split into words.
Nothing is guessed: a word that differs by a letter is another word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from transcriber.captions.words import EDGES
from transcriber.engines.stt.base import Word

__all__ = ["Vocabulary"]

LONGEST = 4
"""Words that one entry may have been heard as."""
SHORTEST = 4
"""Letters an entry needs to be put together from several words: `an d` is not AND."""


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


class Vocabulary:
    """Writes the words of a list as the list does."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._entries = {_letters(entry): entry for entry in entries if _letters(entry)}

    def spelled(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Return the words, those of the list written as it says."""
        result: list[Word] = []
        at = 0
        while at < len(words) and self._entries:
            size = next((n for n in range(LONGEST, 0, -1) if self._known(words[at : at + n], n)), 0)
            result.append(self._written(words[at : at + size]) if size else words[at])
            at += max(size, 1)
        return tuple(result) if self._entries else tuple(words)

    def _known(self, words: Sequence[Word], size: int) -> bool:
        letters = _letters("".join(word.text for word in words))
        inner = all(word.text[-1] not in EDGES for word in words[:-1])
        long_enough = size == 1 or len(letters) >= SHORTEST
        return len(words) == size and inner and long_enough and letters in self._entries

    def _written(self, words: Sequence[Word]) -> Word:
        whole, last = "".join(word.text for word in words), words[-1]
        before = whole[: len(whole) - len(whole.lstrip(EDGES))]
        after = whole[len(whole.rstrip(EDGES)) :]
        confidences = [word.confidence for word in words if word.confidence is not None]
        return replace(
            words[0],
            text=f"{before}{self._entries[_letters(whole)]}{after}",
            end=last.end,
            confidence=min(confidences, default=None),
        )
