"""
A transcript as a file: text, WebVTT, SRT, JSON or Markdown.

Cues are written as they come, so that a file of any length needs no memory and an interrupted
one keeps what was heard. Subtitle formats want cues in the order of their beginnings, and people
who speak at the same time end their sentences out of that order: cues wait in a `Transcript`
until nothing earlier can come any more. Long utterances become several cues of two lines.
"""

from __future__ import annotations

import heapq
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from transcriber.captions.sentences import LINE, LINES, pieces, wrapped
from transcriber.captions.words import text_of, words_of
from transcriber.engines.stt.base import Final, Word
from transcriber.events import Speech

__all__ = ["FORMATS", "MEDIA_TYPES", "Format", "Transcript", "Writer", "writer"]

Format = Literal["txt", "vtt", "srt", "json", "md"]
FORMATS: tuple[Format, ...] = ("txt", "vtt", "srt", "json", "md")
MEDIA_TYPES: dict[Format, str] = {
    "txt": "text/plain",
    "vtt": "text/vtt",
    "srt": "application/x-subrip",
    "json": "application/json",
    "md": "text/markdown",
}

HORIZON_MS = 15_000
"""How much earlier than the latest cue's beginning another cue may still begin."""
MIN_CUE_MS = 300
"""No cue is shown shorter than this."""


class Transcript:
    """Puts what several people said into the order in which they began."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Speech]] = []
        self._order = itertools.count()
        self._latest = 0

    def add(self, speech: Speech) -> Iterator[Speech]:
        """Take in a final, and yield those that nothing can come before any more."""
        heapq.heappush(self._waiting, (speech.start_ms, next(self._order), speech))
        self._latest = max(self._latest, speech.start_ms)
        while self._waiting and self._waiting[0][0] < self._latest - HORIZON_MS:
            yield heapq.heappop(self._waiting)[-1]

    def rest(self) -> Iterator[Speech]:
        """Yield what is left, at the end."""
        while self._waiting:
            yield heapq.heappop(self._waiting)[-1]


class Writer(Protocol):
    """One format: what stands before, for each cue, and after all."""

    def head(self) -> str:
        """Text before the first cue."""

    def cue(self, speech: Speech) -> str:
        """Text of one cue."""

    def tail(self) -> str:
        """Text after the last cue."""


def writer(form: Format, *, speakers: bool, source: str = "", language: str = "") -> Writer:
    """Make the writer of a format; `speakers` says whether to name them."""
    if form == "json":
        return Json({"source": source, "language": language})
    if form == "md":
        return Markdown(source, speakers)
    kinds: dict[Format, Callable[[bool], Writer]] = {"txt": Text, "vtt": Vtt, "srt": Srt}
    return kinds[form](speakers)


@dataclass(slots=True)
class Text:
    """One line for each utterance."""

    speakers: bool

    def head(self) -> str:
        """Nothing."""
        return ""

    def cue(self, speech: Speech) -> str:
        """The words, after the speaker's name."""
        who = f"{_name(speech)}: " if self.speakers else ""
        return f"{who}{_one_line(speech.transcript)}\n"

    def tail(self) -> str:
        """Nothing."""
        return ""


@dataclass(slots=True)
class Vtt:
    """WebVTT, with the speaker as a voice span."""

    speakers: bool

    def head(self) -> str:
        """The signature."""
        return "WEBVTT\n"

    def cue(self, speech: Speech) -> str:
        """Times and words, escaped as the format wants it."""
        who = f"<v {_escape(_name(speech))}>" if self.speakers else ""
        return "".join(
            f"\n{_times(cue, '.')}\n{who}{_escape(wrapped(cue.transcript))}\n"
            for cue in _cues(speech)
        )

    def tail(self) -> str:
        """Nothing."""
        return ""


class Srt:
    """SubRip: numbered cues."""

    def __init__(self, speakers: bool) -> None:
        self._speakers = speakers
        self._number = 0

    def head(self) -> str:
        """Nothing."""
        return ""

    def cue(self, speech: Speech) -> str:
        """Number, times and words."""
        return "".join(map(self._cue, _cues(speech)))

    def _cue(self, cue: Speech) -> str:
        self._number += 1
        who = f"{_name(cue)}: " if self._speakers else ""
        between = "\n" if self._number > 1 else ""
        words = wrapped(f"{who}{cue.transcript}")
        return f"{between}{self._number}\n{_times(cue, ',')}\n{words}\n"

    def tail(self) -> str:
        """Nothing."""
        return ""


class Json:
    """One object: `source`, `language`, and `segments` with words and times in seconds."""

    def __init__(self, facts: dict[str, str]) -> None:
        self._facts = facts
        self._first = True

    def head(self) -> str:
        """The facts, and the list opened."""
        return json.dumps(self._facts, ensure_ascii=False)[:-1] + ', "segments": ['

    def cue(self, speech: Speech) -> str:
        """One element of the list."""
        comma = "" if self._first else ","
        self._first = False
        return f"{comma}\n{json.dumps(_segment(speech), ensure_ascii=False)}"

    def tail(self) -> str:
        """The list and the object closed."""
        return "\n]}\n"


class Markdown:
    """A heading, and a paragraph for all that somebody said in a row."""

    def __init__(self, source: str, speakers: bool) -> None:
        self._source = source
        self._speakers = speakers
        self._last = ""

    def head(self) -> str:
        """The source as a heading."""
        return f"# {_plain(_one_line(self._source))}\n" if self._source else ""

    def cue(self, speech: Speech) -> str:
        """The words; before them who begins to speak, and when."""
        who, words = _name(speech), _plain(_one_line(speech.transcript))
        if self._last == who:
            return f" {words}"
        between = "\n\n" if self._last else "\n" if self._source else ""
        self._last = who
        name = f"**{_plain(who)}** " if self._speakers else ""
        return f"{between}{name}({_clock(speech.start_ms, '.')[:8]})  \n{words}"

    def tail(self) -> str:
        """The end of the last line."""
        return "\n" if self._last else ""


def _cues(speech: Speech) -> Iterator[Speech]:
    """What is short enough to be read at once, each with its own times."""
    text = _one_line(speech.transcript)
    if len(text) <= LINE * LINES:
        yield speech.model_copy(update={"transcript": text})
        return
    times = tuple(Word(w.text, w.start_ms / 1000, w.end_ms / 1000) for w in speech.words)
    final = Final(text, speech.start_ms / 1000, speech.end_ms / 1000, times)
    for piece in pieces(words_of(final, speech.language), speech.language):
        yield speech.model_copy(
            update={
                "transcript": text_of(piece, speech.language),
                "start_ms": round(piece[0].start * 1000),
                "end_ms": round(piece[-1].end * 1000),
            }
        )


def _segment(speech: Speech) -> dict[str, Any]:
    return {
        "speaker": _name(speech),
        "start": speech.start_ms / 1000,
        "end": speech.end_ms / 1000,
        "text": speech.transcript,
        "language": speech.language,
        "confidence": speech.confidence,
        "words": [
            {
                "text": word.text,
                "start": word.start_ms / 1000,
                "end": word.end_ms / 1000,
                "estimated": word.estimated,
            }
            for word in speech.words
        ],
    }


def _name(speech: Speech) -> str:
    return _one_line(speech.person_name) or speech.person_id


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain(text: str) -> str:
    """Let nothing in a text mean something in Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _times(speech: Speech, point: str) -> str:
    end = max(speech.end_ms, speech.start_ms + MIN_CUE_MS)
    return f"{_clock(speech.start_ms, point)} --> {_clock(end, point)}"


def _clock(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"
