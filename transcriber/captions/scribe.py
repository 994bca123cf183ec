"""
From what an engine heard to what people read, for one speaker.

The order of the steps matters. Words are put right first (spaces, spelling, what bare engines
leave out), then it is decided which of them are shown, and redaction comes last: whatever the
steps before it did, nothing passes it that must not be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from pydantic import BaseModel, Field, field_validator

from transcriber.captions import numbers
from transcriber.captions.profanity import Swearing
from transcriber.captions.redaction import KINDS, Kind, Redactor, compiled
from transcriber.captions.sentences import capitalised, finished
from transcriber.captions.stabiliser import Stabiliser
from transcriber.captions.vocabulary import Vocabulary
from transcriber.captions.words import key, text_of, without_repeats, words_of
from transcriber.engines.stt.base import EngineInfo, Final, Partial, StreamOptions, Word

__all__ = ["CaptionOptions", "Scribe"]


class CaptionOptions(BaseModel):
    """Settings of what captions look like and what they leave out."""

    redact: str = Field(
        "",
        pattern=rf"^(({'|'.join(KINDS)})(\s*,\s*|$))*$",
        alias="REDACT",
        description=f"what is replaced before words go anywhere: any of {', '.join(KINDS)}",
    )
    patterns: str = Field(
        "",
        alias="REDACT_PATTERNS",
        description="own patterns to replace, one a line, as regular expressions",
    )
    vocabulary: str = Field(
        "",
        alias="VOCABULARY",
        description="names and terms to be written as here, separated by commas",
    )
    profanity: bool = Field(
        False, alias="HIDE_PROFANITY", description="whether swear words are shown with stars"
    )
    swear_words: str = Field(
        "", alias="PROFANITY_WORDS", description="further words to hide, separated by commas"
    )

    @field_validator("patterns")
    @classmethod
    def _usable(cls, patterns: str) -> str:
        compiled(patterns.splitlines())
        return patterns

    @property
    def terms(self) -> tuple[str, ...]:
        """What is to be written as it stands in the settings."""
        return tuple(term.strip() for term in self.vocabulary.split(",") if term.strip())

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What is redacted."""
        return tuple(kind for kind in KINDS if kind in self.redact)


class Scribe:
    """Writes down one speaker; remembers what was said just before."""

    def __init__(self, info: EngineInfo, options: CaptionOptions, stream: StreamOptions) -> None:
        self._language = stream.language
        self._bare = not info.punctuation
        self._stabiliser = Stabiliser()
        self._vocabulary = Vocabulary(stream.vocabulary)
        own = options.swear_words.split(",")
        self._swearing = Swearing(stream.language, own) if options.profanity else None
        patterns = compiled(options.patterns.splitlines())
        self._redactor = Redactor(options.kinds, patterns, language=stream.language)
        self._said: tuple[Word, ...] = ()
        self._shown = ""

    def partial(self, heard: Partial) -> Partial | None:
        """Return what is shown of an utterance that goes on; None when nothing new is."""
        words = without_repeats(self._said, words_of(heard, self._language))
        words, bare = self._stabiliser.partial(words), self._bare or heard.bare
        if bare:
            words = words[: _settled(words, self._language)]
        words = self._redactor.partial(self._written(words, bare=bare))
        text = text_of(words, self._language)
        if not words or text == self._shown:
            return None
        self._shown = text
        return replace(heard, text=text, words=words, end=max(heard.start, words[-1].end))

    def final(self, heard: Final) -> Final | None:
        """Return what is shown of an utterance that is over; None when it has no words."""
        heard_words = words_of(heard, self._language)
        words = without_repeats(self._said, heard_words)
        self._said, self._shown = heard_words, ""
        self._stabiliser.final()
        bare = self._bare or heard.bare
        words = self._written(words, bare=bare)
        if bare:
            words = finished(words, self._language)
        words = self._redactor.final(words)
        if not words:
            return None
        text = text_of(words, self._language)
        return replace(heard, text=text, words=words, confidence=_confidence(heard, words))

    def _written(self, words: Sequence[Word], *, bare: bool) -> tuple[Word, ...]:
        if bare:
            words = capitalised(numbers.written(words, self._language), self._language)
        words = self._vocabulary.spelled(words)
        return self._swearing.hidden(words) if self._swearing else words


def _settled(words: Sequence[Word], language: str) -> int:
    """How many words there are before a number that may go on."""
    size = len(words)
    while size and numbers.is_number(key(words[size - 1].text), language):
        size -= 1
    return size


def _confidence(heard: Final, words: Sequence[Word]) -> float | None:
    """What the engine says of the whole, or the mean of what it says of the words."""
    known = [word.confidence for word in words if word.confidence is not None]
    if heard.confidence is not None or not known:
        return heard.confidence
    return round(fmean(known), 3)
