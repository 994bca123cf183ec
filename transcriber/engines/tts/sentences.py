"""
Cutting a text into what a voice says in one breath.

Engines make a whole request before the first sound of it comes, so a text is spoken sentence by
sentence: the first is heard while the next is made, one that was said before is remembered, and
one that fails can be said again. A first sentence that is long is begun at its first pause.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["sentences"]

END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』”’）]*")
PAUSE = re.compile(r"[,;:—–][\"'”’»)\]]*(?=\s)|[、，；：]")
ENGLISH = ("e.g", "etc", "i.e", "jr", "mr", "mrs", "ms", "no", "prof", "dr", "sr", "st", "vs")
GERMAN = ("bzw", "ca", "d.h", "nr", "u.a", "usw", "z.b")
ABBREVIATED = frozenset((*ENGLISH, *GERMAN))
"""Words whose full stop ends no sentence; neither do those of numbers and single letters."""
LONGEST = 250
"""Characters of one sentence; longer ones are cut, at a pause if there is one."""
FIRST, BREATH = 80, 25
"""Characters from which on the first sentence is cut at a pause, and the fewest before that."""


def sentences(text: str) -> list[str]:
    """Return the sentences of a text in their order, without spaces around them."""
    found = [part for line in text.splitlines() for part in _ends(" ".join(line.split()))]
    if found and len(found[0]) > FIRST:
        found[:1] = _cut(found[0], FIRST)
    return [piece for sentence in found for piece in _fitting(sentence)]


def _ends(line: str) -> Iterator[str]:
    begin = 0
    for match in END.finditer(line):
        if not _goes_on(line, match):
            yield line[begin : match.end()].strip()
            begin = match.end()
    if rest := line[begin:].strip():
        yield rest


def _goes_on(line: str, match: re.Match[str]) -> bool:
    """Whether a full stop belongs to a word: an abbreviation, an initial, a number."""
    if match.group() != ".":
        return False
    word = line[: match.start()].rpartition(" ")[2].lstrip("(\"'“‘«[").lower()
    following = line[match.end() :].lstrip()[:1]
    return word in ABBREVIATED or len(word) < 2 or word.isdigit() or following.islower()


def _fitting(sentence: str) -> Iterator[str]:
    while len(sentence) > LONGEST:
        first, *rest = _cut(sentence, LONGEST)
        if not rest:
            space = sentence.rfind(" ", 1, LONGEST)
            end = space if space > 0 else LONGEST
            first, rest = sentence[:end], [sentence[end:].strip()]
        yield first
        sentence = rest[0]
    yield sentence


def _cut(sentence: str, limit: int) -> list[str]:
    """Cut at the last pause within the limit; in one, if there is none."""
    pauses = [match.end() for match in PAUSE.finditer(sentence, 0, limit)]
    if not pauses or pauses[-1] < BREATH:
        return [sentence]
    return [sentence[: pauses[-1]], sentence[pauses[-1] :].strip()]
