"""
How a text is made to be read: sentences, capitals, full stops, lines.

By rules, and few of them: they serve engines that give bare words, and the cutting of long
captions. A rule that is wrong is worse than none, so abbreviations and decimals end no sentence,
and a question mark is set only where the first words ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from transcriber.captions.words import key, text_of, unspaced
from transcriber.engines.stt.base import Word

__all__ = ["LINE", "LINES", "capitalised", "ends", "finished", "pieces", "wrapped"]

LINE = 42
"""Characters of a line, as broadcasters have it."""
LINES = 2
"""Lines that are read at once."""
STOPS = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
CLOSING = "\"'”’»)]」』"
PAUSES = (",", ";", ":", "–", "—", "、", "，", "،")
SHORT = (
    "mr mrs ms dr prof sr jr st vs etc e.g i.e no vol bzw ca nr str usw z.b d.h m mme mlle art núm "
    "ud sra dott sig jan feb mar apr jun jul aug sep sept oct nov dec a.m p.m"
)
"""Abbreviations: their dot ends no sentence."""
PROPER = (
    "monday tuesday wednesday thursday friday saturday sunday january february april june july "
    "august september october november december english french german spanish"
)
CAPITALS = {
    word: word.capitalize() for word in [*PROPER.split(), "i", "i'm", "i've", "i'll", "i'd"]
}
"""English words that have a capital wherever they stand."""
ASKING = {
    "en": "who what where when why how whose which whom do does did is are was were can could will "
    "would should have has am isn't aren't don't doesn't didn't",
    "de": "wer was wo wann warum wie wessen welche welcher wohin woher wieso weshalb",
    "fr": "qui que quoi où quand pourquoi comment combien quel quelle est-ce",
    "es": "quién qué dónde cuándo cómo cuánto cuál",
}
"""By language: words with which questions begin."""
SUBJECTS = "i you he she it we they there this that these those anyone anybody the"
"""What follows the verb of an English question."""
VERBS = frozenset(ASKING["en"].split()[9:])
"""English verbs that begin a question only before a subject."""


def ends(word: str) -> bool:
    """Whether a sentence ends with this word."""
    plain = word.rstrip(CLOSING)
    if not plain.endswith(STOPS):
        return False
    return not (plain.endswith(".") and _abbreviated(plain[:-1]))


def _abbreviated(word: str) -> bool:
    return word.casefold() in SHORT.split() or re.fullmatch(r"[^\W\d_]", word) is not None


def capitalised(words: Sequence[Word], language: str) -> tuple[Word, ...]:
    """Write the first word of each sentence with a capital, and what else English has so."""
    english = language.startswith("en")
    result: list[Word] = []
    for word in words:
        text = CAPITALS.get(key(word.text)) if english else None
        text = word.text.casefold().replace(key(word.text), text) if text else word.text
        if not result or ends(result[-1].text):
            text = text[:1].upper() + text[1:]
        result.append(replace(word, text=text))
    return tuple(result)


def finished(words: Sequence[Word], language: str) -> tuple[Word, ...]:
    """Put a full stop or a question mark behind an utterance that has none."""
    if not words or words[-1].text.endswith((*STOPS, *PAUSES)):
        return tuple(words)
    asks = _asks([key(word.text) for word in words], language)
    mark = ("？" if asks else "。") if unspaced(language) else ("?" if asks else ".")
    return (*words[:-1], replace(words[-1], text=words[-1].text + mark))


def _asks(words: Sequence[str], language: str) -> bool:
    if words[0] not in ASKING.get(language[:2], "").split() or len(words) < 2:
        return False
    return words[0] not in VERBS or words[1] in SUBJECTS.split()


def pieces(
    words: Sequence[Word], language: str, *, limit: int = LINE * LINES
) -> Iterator[tuple[Word, ...]]:
    """
    Cut a long utterance into captions of at most so many characters.

    A caption ends with a sentence where one ends in its second half, else at a comma there, else
    where it is full. A single word that is longer stays whole.
    """
    rest = tuple(words)
    while rest:
        size = _room(rest, language, limit)
        if size < len(rest):
            size = _best(rest[:size])
        yield rest[:size]
        rest = rest[size:]


def _room(words: Sequence[Word], language: str, limit: int) -> int:
    size = 1
    while size < len(words) and len(text_of(words[: size + 1], language)) <= limit:
        size += 1
    return size


def _best(words: Sequence[Word]) -> int:
    half = len(words) // 2
    for good in (ends, lambda text: text.endswith(PAUSES)):
        found = [size for size in range(half + 1, len(words) + 1) if good(words[size - 1].text)]
        if found:
            return found[-1]
    return len(words)


def wrapped(text: str, *, width: int = LINE) -> str:
    """Break a caption into lines of about the same length, none longer than `width` if possible."""
    lines = -(-len(text) // width)
    while lines > 1:
        wanted = len(text) / lines
        spaces = [at for at, c in enumerate(text[: width + 1]) if c == " "]
        if not spaces:
            break
        at = min(spaces, key=lambda at: abs(at - wanted))
        return f"{text[:at]}\n{wrapped(text[at + 1 :], width=width)}"
    return text
