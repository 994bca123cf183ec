"""
What was heard, word by word: the one form in which captions are made.

Engines differ: some give words with times, some only a text, some spell a word otherwise than in
their text, and some languages put no spaces between words. Here everything becomes a row of
words whose texts, put together again, are the text. What follows (stabilising, redaction) then
never has to keep two versions of the same sentence in step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from transcriber.engines.segments import spread
from transcriber.engines.stt.base import Final, Partial, Word

__all__ = [
    "bare",
    "key",
    "placed",
    "split",
    "text_of",
    "tidy",
    "unspaced",
    "without_repeats",
    "words_of",
]

UNSPACED = frozenset({"ja", "km", "lo", "my", "th", "yue", "zh"})
"""Languages that are written without spaces between words."""
CHARACTER = re.compile(r"[!-~\u00c0-\u024f]+|\S[。、，．！？…」』）·]*")
"""A unit of those: what is written in Latin letters as a whole, all else by the character."""
BLANK = re.compile(r"[ \t\n\r\f\v\u2028\u2029]+")
"""What separates words; a no-break space does not."""
LOOSE = re.compile(r"[ \t\n]+([,.!?;:…]+)(?=\s|$)")
"""Punctuation that has lost its word."""
LOOSE_FRENCH = re.compile(r"\s+([!?;:»]+)(?=\s|$)")
GLUED = re.compile(r"(?<![@/.\w])([^\W\d_]{2,}[.!?])(?=[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ])")
"""A sentence that begins without a space: `said.Then`."""
GLUED_CLAUSE = re.compile(r"(?<=[^\W\d_][,;])(?=[^\W\d_])")
EDGES = "\"'«»„“”‘’()[]¡¿…,.!?;:-–—。、，．！？"
"""Punctuation that surrounds words."""
SEAM = 0.05
"""Seconds by which a segment has to reach back into the last one to count as heard twice."""


def unspaced(language: str) -> bool:
    """Whether the language is written without spaces."""
    return language.lower().split("-")[0] in UNSPACED


def key(word: str) -> str:
    """Return the word without case and the punctuation around it, to compare it with others."""
    return word.strip(EDGES).casefold() or word


def bare(word: str) -> str:
    """Return the word without the punctuation that follows it."""
    return word.rstrip(",.!?;:…。、，．！？\u00a0") or word


def tidy(text: str, language: str) -> str:
    """Put right what joining pieces leaves behind: lost spaces, and spaces before commas."""
    if unspaced(language):
        return BLANK.sub(" ", text).strip()
    if language.lower().split("-")[0] == "fr":
        text = LOOSE_FRENCH.sub("\u00a0\\1", text)
    text = LOOSE.sub(r"\1", text)
    return BLANK.sub(" ", GLUED_CLAUSE.sub(" ", GLUED.sub(r"\1 ", text))).strip()


def split(text: str, language: str) -> list[str]:
    """Return the words of a text, or its characters where words are not told apart."""
    if unspaced(language):
        return CHARACTER.findall(text)
    return [word for word in BLANK.split(text) if word]


def text_of(words: Iterable[Word], language: str) -> str:
    """Return the words as one text."""
    return placed(words, language)[0]


def placed(words: Iterable[Word], language: str) -> tuple[str, list[int]]:
    """Return the words as one text, and where in it each of them begins."""
    spaced, text, starts = not unspaced(language), "", []
    for word in words:
        if text and (spaced or (_latin(text[-1]) and _latin(word.text[0]))):
            text += " "
        starts.append(len(text))
        text += word.text
    return text, starts


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def words_of(heard: Partial | Final, language: str) -> tuple[Word, ...]:
    """Return the words of the text with the times that the engine gave, or guessed ones."""
    texts = split(tidy(heard.text, language), language)
    known = [word for word in heard.words if _letters(word.text)]
    if known and _letters(*texts) == _letters(*(word.text for word in known)):
        return tuple(_timed(texts, known))
    if known and len(known) == len(texts):
        return tuple(_like(word, text) for word, text in zip(known, texts, strict=True))
    return tuple(_guessed(texts, heard.start, heard.end))


def without_repeats(before: Sequence[Word], following: Sequence[Word]) -> tuple[Word, ...]:
    """
    Leave out the words at the seam of two segments that were heard in both.

    Only where the second reaches back in time: people do say things twice.
    """
    if before and following and following[0].start < before[-1].end - SEAM:
        last, first = [key(w.text) for w in before], [key(w.text) for w in following]
        for size in range(min(len(last), len(first)), 0, -1):
            if last[-size:] == first[:size]:
                return tuple(following[size:])
    return tuple(following)


def _letters(*texts: str) -> str:
    return "".join(c for text in texts for c in text.casefold() if c.isalnum())


def _like(word: Word, text: str) -> Word:
    return Word(text, word.start, word.end, word.confidence, word.estimated)


def _timed(texts: list[str], known: list[Word]) -> Iterator[Word]:
    """Both have the same letters, so each text knows which words its letters come from."""
    owners = [word for word in known for _ in _letters(word.text)]
    at, end = 0, known[0].start
    for text in texts:
        size = len(_letters(text))
        mine = owners[at : at + size]
        at += size
        if not mine:
            yield Word(text, end, end, estimated=True)
            continue
        end = mine[-1].end
        confidences = [word.confidence for word in mine if word.confidence is not None]
        yield Word(
            text,
            mine[0].start,
            end,
            min(confidences, default=None),
            any(word.estimated for word in mine),
        )


def _guessed(texts: list[str], start: float, end: float) -> Iterator[Word]:
    letters = " ".join("x" * len(text) for text in texts)
    return map(_like, spread(letters, start, end), texts)
