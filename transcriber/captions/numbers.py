"""
Numbers as people say them, and as people read them.

Two uses. `written` turns number words of engines that write none into digits: twenty three into
23, nineteen eighty four into 1984. `digits` says which digits a spoken word stands for, so that a
card number that is read out digit by digit is recognised as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transcriber.captions.words import EDGES, key
from transcriber.engines.stt.base import Word

__all__ = ["FILLERS", "REPEATS", "begins_number", "digits", "is_number", "written"]

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL = {word: value for value, word in enumerate(UNITS.split())}
SMALL |= {word: 10 * value for value, word in enumerate(TENS.split(), 2)}
"""English numbers below a hundred that are one word."""
SINGLE = frozenset(UNITS.split()[:10])
SCALES = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9}
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth hundredth thousandth"
"""Words after which a number is the beginning of an ordinal and stays as it is."""
SPOKEN: dict[str, tuple[str, ...]] = {
    "de": ("null", "eins", "zwei zwo", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
    "es": ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"),
    "fr": ("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"),
    "it": ("zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"),
    "nl": ("nul", "een één", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen"),
    "pl": (
        "zero",
        "jeden",
        "dwa",
        "trzy",
        "cztery",
        "pięć",
        "sześć",
        "siedem",
        "osiem",
        "dziewięć",
    ),
    "pt": ("zero", "um", "dois", "três", "quatro", "cinco", "seis meia", "sete", "oito", "nove"),
}
"""By language: the words for the digits from 0 to 9."""
ENGLISH = {word: str(value) for word, value in SMALL.items()}
ENGLISH |= {"oh": "0", "o": "0", "nought": "0", "naught": "0", "hundred": "00"}
DIGITS = {
    language: {word: str(digit) for digit, words in enumerate(ten) for word in words.split()}
    for language, ten in SPOKEN.items()
}
REPEATS = {"double": 2, "triple": 3, "treble": 3, "doppel": 2}
"""Words that say the next digit several times."""
FILLING = "uh um er erm hmm mm ah äh ähm euh and then dash hyphen space minus und et y"
FILLERS = frozenset(FILLING.split())
"""What people say between the digits of one number."""
MOST_UNITS = 10
"""Single numbers below this stay words."""
MANY = 3
"""Digits said one by one, from which on they are written together."""


def digits(word: str, language: str) -> str:
    """The digits that a spoken word stands for; empty when it is another word."""
    return DIGITS.get(language.lower().split("-")[0], ENGLISH).get(word, "")


def begins_number(word: str, language: str) -> bool:
    """Whether the letters may be the beginning of a word inside a spoken number."""
    known = DIGITS.get(language.lower().split("-")[0], ENGLISH)
    return any(whole.startswith(word) for words in (known, REPEATS, FILLERS) for whole in words)


def is_number(word: str, language: str) -> bool:
    """Whether the word may belong to a spoken number."""
    if language.lower().split("-")[0] != "en":
        return bool(digits(word, language))
    return word in SMALL or word in SCALES or word in ("oh", "point")


def written(words: Sequence[Word], language: str) -> tuple[Word, ...]:
    """Write English number words as digits; other languages stay as they are."""
    if language.lower().split("-")[0] != "en":
        return tuple(words)
    return tuple(_written(words))


def _written(words: Sequence[Word]) -> Iterator[Word]:
    at = 0
    while at < len(words):
        size = _length(words, at)
        text = _number([key(word.text) for word in words[at : at + size]]) if size else ""
        ordinal = at + size < len(words) and key(words[at + size].text) in ORDINALS.split()
        if text and not ordinal:
            yield _merged(words[at : at + size], text)
        else:
            yield from words[at : at + max(size, 1)]
        at += max(size, 1)


def _length(words: Sequence[Word], at: int) -> int:
    """How many words from here on are one number; a comma ends it."""
    size = 0
    while at + size < len(words):
        word = words[at + size]
        follows = size and key(word.text) in ("and", "point", "oh")
        if key(word.text) not in SMALL and not (size and key(word.text) in SCALES) and not follows:
            break
        size += 1
        if word.text[-1] in EDGES:
            break
    while size and key(words[at + size - 1].text) in ("and", "point", "oh"):
        size -= 1
    return size


def _merged(words: Sequence[Word], text: str) -> Word:
    first, last = words[0], words[-1]
    end = last.text[len(last.text.rstrip(EDGES)) :]
    confidences = [word.confidence for word in words if word.confidence is not None]
    estimated = any(word.estimated for word in words)
    return Word(f"{text}{end}", first.start, last.end, min(confidences, default=None), estimated)


def _number(words: list[str]) -> str:
    """The number that these words say; empty when they are better left as they are."""
    whole, _, fraction = (part.split() for part in " ".join(words).partition(" point "))
    if len(words) == 1 and SMALL[words[0]] < MOST_UNITS:
        return ""
    if all(word in SINGLE or word == "oh" for word in whole):
        text = "".join(ENGLISH[word] for word in whole) if fraction or len(whole) >= MANY else ""
    else:
        text = _year(whole) or _sum(whole)
    if not fraction:
        return text
    if not text or not all(word in ENGLISH for word in fraction):
        return ""
    return f"{text}.{''.join(ENGLISH[word] for word in fraction)}"


def _year(words: list[str]) -> str:
    """Two numbers of two digits, as years are said: nineteen eighty four, twenty oh six."""
    if len(words) not in (2, 3) or not 10 <= SMALL.get(words[0], 0) <= 20:
        return ""
    rest = _pair(words[1:])
    return f"{SMALL[words[0]]}{rest}" if rest else ""


def _pair(words: list[str]) -> str:
    match [SMALL.get(word, -1) for word in words]:
        case [-1, unit] if words[0] == "oh" and 0 < unit < 10:
            return f"0{unit}"
        case [value] if 10 <= value < 100:
            return str(value)
        case [tens, unit] if tens >= 20 and 0 < unit < 10:
            return str(tens + unit)
    return ""


@dataclass(slots=True)
class _Sum:
    """A number that grows word by word."""

    total: int = 0
    part: int = 0
    room: int = 10**12
    """The next word has to be smaller than this."""

    def add(self, word: str) -> bool:
        """Take in a word; False when it does not continue the number."""
        if scale := SCALES.get(word):
            return self._scale(scale)
        value = SMALL.get(word, -1)
        if not 0 < value < self.room:
            return False
        self.part += value
        self.room = 10 if value >= 20 else 1
        return True

    def _scale(self, scale: int) -> bool:
        if not self.part or (scale == 100 and self.part >= 100):
            return False
        if scale == 100:
            self.part, self.room = self.part * 100, 100
        else:
            self.total, self.part, self.room = self.total + self.part * scale, 0, 1_000
        return True


def _sum(words: list[str]) -> str:
    number = _Sum()
    if not all(number.add(word) for word in words if word != "and"):
        return ""
    total = number.total + number.part
    return f"{total:,}" if total >= 10_000 else str(total)
