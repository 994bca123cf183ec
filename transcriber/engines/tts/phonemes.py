"""
From what espeak-ng says of a sentence to the numbers that a Piper voice was trained on.

espeak-ng writes one line for each part of a sentence and leaves out the marks between them, which a
voice needs to know where to breathe and how to end.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["marked", "numbered"]

MARKS = re.compile(r"([.,;:!?\u2026\u3002\uff01\uff1f])[\"'\u201d\u2019)\]]*(?=\s|$)")
LIKE = str.maketrans("\u2026\u3002\uff01\uff1f", "..!?")
FOREIGN = re.compile(r"\([a-z-]+\)")
"""How espeak-ng tells that a word is of another language."""
BEGIN, END, BETWEEN = "^$_"


def marked(text: str, lines: Sequence[str]) -> str:
    """Put the lines of a text together, with its marks; commas where it is not known which."""
    marks = [mark.translate(LIKE) for mark in MARKS.findall(text)]
    last = marks[-1] if marks else "."
    if len(marks) != len(lines):
        marks = [*[","] * (len(lines) - 1), last]
    parts = (FOREIGN.sub("", line).strip() + mark for line, mark in zip(lines, marks, strict=False))
    return " ".join(parts)


def numbered(phonemes: str, table: Mapping[str, Sequence[int]]) -> list[int]:
    """Number phonemes by a voice's table; what it does not know is left out."""
    return list(_numbered(unicodedata.normalize("NFD", phonemes), table))


def _numbered(phonemes: str, table: Mapping[str, Sequence[int]]) -> Iterator[int]:
    between = table.get(BETWEEN, ())
    for phoneme in (BEGIN, *phonemes):
        if phoneme in table:
            yield from table[phoneme]
            yield from between
    yield from table.get(END, ())
