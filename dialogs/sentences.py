"""
Cutting a text that is still being written into pieces that can be said.

A voice needs whole sentences to sound right, and a person wants to hear the first one at once. A
piece ends where a sentence does; the very first may end at a comma when it has become long.
"""

from __future__ import annotations

import re

__all__ = ["Sentences"]

END = re.compile(r"[.!?…\u3002\uff01\uff1f]+[\"')\]]*(?=\s)|\n+|[\u3002\uff01\uff1f]")
PAUSE = re.compile(r"[,;:](?=\s)")
SHORT = frozenset(
    ("mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "etc", "e.g", "i.e", "z.b", "d.h", "bzw")
)
"""Words whose full stop ends no sentence."""
FIRST = 60
"""Characters after which the first piece may end at a comma."""
LONGEST = 300
"""Characters after which a piece ends at a word, whatever comes."""
MARKUP = re.compile(r"[*_`#]+|^\s*[-•]\s+", re.MULTILINE)


class Sentences:
    """Takes text in pieces and gives it back in sentences, without marks that nobody says."""

    def __init__(self) -> None:
        self._text = ""
        self._first = True

    def push(self, text: str) -> list[str]:
        """Add to the text; gives the sentences that are complete now."""
        self._text += text
        found = []
        while (end := self._end()) > 0:
            found.append(self._text[:end])
            self._text = self._text[end:]
            self._first = False
        return [said for one in found if (said := _spoken(one))]

    def flush(self) -> str:
        """Give what is left."""
        rest, self._text = self._text, ""
        return _spoken(rest)

    def _end(self) -> int:
        for match in END.finditer(self._text):
            if not self._abbreviated(match):
                return match.end()
        if self._first and (pauses := [m.end() for m in PAUSE.finditer(self._text)]):
            late = [end for end in pauses if end >= FIRST]
            return late[0] if late else 0
        if len(self._text) > LONGEST:
            return self._text.rfind(" ", 1, LONGEST) if " " in self._text[1:LONGEST] else LONGEST
        return 0

    def _abbreviated(self, match: re.Match[str]) -> bool:
        before = self._text[: match.start()].rsplit(maxsplit=1)[-1:] or [""]
        word = before[0].strip("(\"'").lower()
        dot = match.group().startswith(".") and len(match.group()) == 1
        return dot and (word in SHORT or (len(word) == 1 and word.isalpha()))


def _spoken(text: str) -> str:
    return " ".join(MARKUP.sub(" ", text).split())
