"""
Words become the answers of the OpenAI interface: plain text, JSON with times, WebVTT and SRT.

A cue ends where a sentence does, where the speaker pauses, or when it becomes too long to read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from modal_app.protocol import Word

__all__ = ["FORMATS", "Cue", "cues", "render"]

FORMATS = {
    "json": "application/json",
    "verbose_json": "application/json",
    "text": "text/plain",
    "vtt": "text/vtt",
    "srt": "application/x-subrip",
}
"""Every answer by its name in the OpenAI interface, and its media type."""
LONGEST = 7.0
"""Seconds a cue may last; subtitle guidelines say so."""
WIDEST = 84
"""Characters in a cue: two lines of 42."""
PAUSE = 1.0
"""Seconds without a word that end a cue."""
CLOSERS = (".", "!", "?", "…")


@dataclass(frozen=True, slots=True)
class Cue:
    """Some words that are shown together."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """Its words in one line."""
        return " ".join(word.text for word in self.words)

    @property
    def start(self) -> float:
        """Seconds."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """Seconds."""
        return self.words[-1].end


def cues(words: Iterable[Word]) -> list[Cue]:
    """Cut words into what can be read at a time."""
    found: list[Cue] = []
    group: list[Word] = []
    for word in words:
        if group and _full(group, word):
            found.append(Cue(tuple(group)))
            group = []
        group.append(word)
    return [*found, Cue(tuple(group))] if group else found


def _full(group: Sequence[Word], word: Word) -> bool:
    width = sum(len(each.text) + 1 for each in group) + len(word.text)
    return (
        group[-1].text.endswith(CLOSERS)
        or word.start - group[-1].end >= PAUSE
        or word.end - group[0].start > LONGEST
        or width > WIDEST
    )


def render(kind: str, words: Sequence[Word], *, duration: float, language: str) -> str:
    """Write the words in one of `FORMATS`."""
    text = " ".join(word.text for word in words)
    match kind:
        case "json":
            return json.dumps({"text": text}, ensure_ascii=False)
        case "verbose_json":
            body = _verbose(words, text=text, duration=duration, language=language)
            return json.dumps(body, ensure_ascii=False)
        case "vtt":
            return "WEBVTT\n\n" + "".join(f"{_cue(cue, '.')}\n" for cue in cues(words))
        case "srt":
            return "".join(
                f"{number}\n{_cue(cue, ',')}\n" for number, cue in enumerate(cues(words), 1)
            )
    return text + "\n"


def _verbose(words: Sequence[Word], *, text: str, duration: float, language: str) -> dict[str, Any]:
    segments = [
        {"id": number, "start": round(cue.start, 3), "end": round(cue.end, 3), "text": cue.text}
        for number, cue in enumerate(cues(words))
    ]
    return {
        "task": "transcribe",
        "language": language,
        "duration": round(duration, 3),
        "text": text,
        "segments": segments,
        "words": [
            {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)}
            for word in words
        ],
    }


def _cue(cue: Cue, point: str) -> str:
    text = cue.text.replace("&", "&amp;").replace("<", "&lt;").replace("-->", "->")
    return f"{_clock(cue.start, point)} --> {_clock(cue.end, point)}\n{text}\n"


def _clock(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}{point}{milliseconds:03}"
