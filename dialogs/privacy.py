"""
Keeping what identifies people from a language model that need not know it.

Card numbers, mail addresses and phone numbers become words such as `[card 1]`. The conversation
keeps what they stand for: when the model gives one of them to a tool, or wants it said, the real
value is put back on our side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

__all__ = ["Vault"]

KINDS = (
    ("email", re.compile(r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}\w{2,24}")),
    ("card", re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")),
    ("phone", re.compile(r"(?<![\w\d])\+?(?:\(?\d{1,5}\)?[ /.-]?){2,8}\d{2,}(?!\d)")),
)
WORD = re.compile(r"\[(?:email|card|phone) \d+\]")
DIGITS = 7
"""Digits from which on a number may be a phone's."""


class Vault:
    """Hides and reveals for one conversation."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})
        """What each word stands for; to be kept when the conversation is."""
        self._words = {value: word for word, value in self.values.items()}

    def hide(self, text: str) -> str:
        """Put words in place of what identifies somebody."""
        for kind, pattern in KINDS:
            text = pattern.sub(partial(self._hidden, kind), text)
        return text

    def reveal(self, text: str) -> str:
        """Put back what the words stand for."""
        return WORD.sub(lambda match: self.values.get(match.group(), match.group()), text)

    def _hidden(self, kind: str, match: re.Match[str]) -> str:
        value = match.group()
        digits = "".join(letter for letter in value if letter.isdigit())
        if (kind == "card" and not _card(digits)) or (kind == "phone" and len(digits) < DIGITS):
            return value
        if value not in self._words:
            number = sum(word.startswith(f"[{kind} ") for word in self._words.values()) + 1
            self._words[value] = f"[{kind} {number}]"
            self.values[self._words[value]] = value
        return self._words[value]


def _card(digits: str) -> bool:
    """Whether the last digit fits the others, as it does on every card."""
    doubled = (
        int(digit) * 2 - 9 * (digit > "4") if place % 2 else int(digit)
        for place, digit in enumerate(reversed(digits))
    )
    return sum(doubled) % 10 == 0
