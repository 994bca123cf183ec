"""
What the tokens of one slot say: timed words, and when a turn is over.

The model emits one text token a frame, `delay` seconds behind the audio: 0 announces a word, 3 is
padding, anything else is a piece of a word. A word is complete at the next 0 or 3. (Kyutai's
server waits for the next 0, so the last word of an utterance stays open until somebody speaks.)

Frames before the client's first sample (`lead`: the model replaces its very first frame by start
tokens, so that one must not be speech) and silence inserted by a flush are no time of the client:
the clock leaves them out.

Turns end by the model's own judgement, the pause heads, with hysteresis; silence before any word
is no end of a turn. A model without such heads ends a turn after `silence` without a word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modal_app.protocol import SECONDS, Message, Segment, SpeechStarted, Word

__all__ = ["PAD", "WORD", "Decode", "Rules", "Speech"]

WORD = 0
"""The token that announces a word."""
PAD = 3
"""The token of a frame without text."""

Decode = Callable[[list[int]], str]
"""Makes text of the pieces of a word."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds, and probabilities of silence; the thresholds are those of Kyutai's own products."""

    delay: float = 0.5
    prefix: float = 0.0
    """Silence the model wants to hear first."""
    head: int = 2
    """The pause head that decides: of 0.5, 1, 2 and 3 s ahead, all products use the third."""
    on: float = 0.6
    off: float = 0.4
    warm_up: int = 12
    """Frames at the start whose scores are noise."""
    silence: float = 1.0

    @property
    def lead(self) -> int:
        """Frames of silence a slot hears before its client."""
        return 1 + math.ceil(self.prefix / SECONDS)

    @property
    def tail(self) -> int:
        """Frames of silence that push the delayed text out."""
        return math.ceil(self.delay / SECONDS) + 1


class Speech:
    """One client's words, made from one token a frame."""

    def __init__(self, rules: Rules, decode: Decode) -> None:
        self.frames = 0
        """Frames heard, the lead included."""
        self.inserted = 0.0
        """Seconds of flushing silence heard so far."""
        self._rules = rules
        self._decode = decode
        self._pieces: list[int] = []
        self._start = 0.0
        self._announced = False
        self._segment: list[Word] = []
        self._quiet = True
        self._wordless = 0

    @property
    def now(self) -> float:
        """How far the words have come, in seconds of the client's audio."""
        heard = (self.frames - self._rules.lead) * SECONDS
        return max(0.0, heard - self._rules.delay - self.inserted)

    def push(self, token: int, scores: Sequence[float], *, flushing: bool = False) -> list[Message]:
        """Take in what one frame brought; scores of flushing silence say nothing about turns."""
        self.frames += 1
        said: list[Message] = []
        if word := self._piece(token):
            said.append(word)
        if not flushing:
            said += self._turn(scores) if scores else self._silence(token)
        return said

    def close_word(self) -> list[Message]:
        """End the word that is open: everything that belongs to it has been heard."""
        word = self._finish()
        return [word] if word else []

    def take(self) -> list[Word]:
        """Give the words that no segment has had, and forget them."""
        words, self._segment = self._segment, []
        return words

    def _piece(self, token: int) -> Word | None:
        if token not in (WORD, PAD):
            if not self._pieces and not self._announced:
                self._start = self.now
            self._pieces.append(token)
            return None
        word = self._finish()
        if token == WORD:
            self._start, self._announced = self.now, True
        return word

    def _finish(self) -> Word | None:
        if not self._pieces:
            return None
        text = self._decode(self._pieces).strip()
        self._pieces, self._announced = [], False
        if not text:
            return None
        word = Word(text, self._start, self.now)
        self._segment.append(word)
        return word

    def _turn(self, scores: Sequence[float]) -> list[Message]:
        rules = self._rules
        if self.frames <= rules.lead + rules.warm_up:
            return []
        score = scores[rules.head]
        if self._quiet and score < rules.off:
            self._quiet = False
            return [SpeechStarted(self.now)]
        if not self._quiet and score > rules.on:
            self._quiet = True
            return self._end_turn()
        return []

    def _silence(self, token: int) -> list[Message]:
        if token != PAD:
            self._wordless = 0
            if self._quiet:
                self._quiet = False
                return [SpeechStarted(self.now)]
            return []
        self._wordless += 1
        if not self._quiet and self._wordless * SECONDS >= self._rules.silence:
            self._quiet = True
            return self._end_turn()
        return []

    def _end_turn(self) -> list[Message]:
        last, words = self.close_word(), self.take()
        if not words:
            return []
        text = " ".join(word.text for word in words)
        return [*last, Segment(text, words[0].start, words[-1].end, self.now)]
