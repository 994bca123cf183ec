"""
An engine that costs nothing and says what it is told: for load tests, demos and unit tests.

The lowest sample of a frame is its text token, in negative thousandths; the highest is its pause
score. So a client decides word by word what will be recognised, wherever its frames begin, and
everything but the model is the real thing. Ordinary audio gives nonsense.
"""

from __future__ import annotations

import string

import numpy as np

from modal_app.protocol import FRAME, Samples
from modal_app.speech import PAD, WORD

__all__ = ["Loopback", "decode", "say"]

LETTERS = string.ascii_lowercase + string.digits + string.punctuation
FIRST = 10
"""Token of the first letter; lower ones mean something."""
ANNOUNCE = 1
"""What stands for the token that announces a word, 0, which silence could not be told from."""


class Loopback:
    """Hears what `say` has made."""

    def __init__(self, slots: int, *, heads: int = 4) -> None:
        self.slots = slots
        self.heads = heads
        self.pcm = np.zeros((slots, FRAME), np.float32)
        self.active = np.zeros(slots, bool)
        self.reset = np.zeros(slots, bool)
        self._out = np.zeros((slots, 1 + heads), np.float32)

    def step(self) -> Samples:
        """Give each row's own words back; silence is padding."""
        heard = self.pcm[self.active]
        tokens = np.rint(heard.min(axis=1, initial=0) * -1000)
        tokens[tokens == 0] = PAD
        tokens[tokens == ANNOUNCE] = WORD
        self._out[self.active, 0] = tokens
        self._out[self.active, 1:] = heard.max(axis=1, initial=0)[:, None]
        return self._out


def say(text: str, *, pause: float = 0.1) -> Samples:
    """Make the frames that are recognised as these words: one a letter and two around each."""
    tokens = [
        token
        for word in text.split()
        for token in (ANNOUNCE, *(FIRST + LETTERS.index(letter) for letter in word), PAD)
    ]
    frames = np.zeros((len(tokens), FRAME), np.float32)
    frames[:, 0] = np.array(tokens, np.float32) / -1000
    frames[:, 1] = pause
    return frames.reshape(-1)


def decode(pieces: list[int]) -> str:
    """Make text of tokens."""
    return "".join(LETTERS[(piece - FIRST) % len(LETTERS)] for piece in pieces)
