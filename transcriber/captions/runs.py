"""
Digits that belong together, written or spoken: `4111 1111`, `four one one one`, `+49 (30) 12`.

A `Run` is what might be one number: digits and number words with nothing between them but spaces,
the punctuation of telephone and card numbers, or a word such as *uh*. Dates, times, prices,
percentages and numbers with thousands separators are no such thing and end a run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from transcriber.captions.numbers import FILLERS, REPEATS, SCALES, begins_number, digits

__all__ = ["TOKEN", "Atom", "Run", "open_number", "runs", "without_begun"]

AMOUNT = "|".join(
    (
        r"[$€£¥]\s?\d[\d.,]*",
        r"\d+(?:[.,]\d+)?\s?[%€£$°]",
        r"(?<![\d,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])",
        r"(?<![\d.])[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?(?![\d.])",
        r"(?<![\d-])\d{4}-\d\d-\d\d(?![\d-])",
        r"(?<![\d./-])\d{1,2}(?P<sep>[./-])\d{1,2}(?P=sep)(?:\d{4}|\d{2})(?![./-]?\d)",
        r"\d{1,2}:\d\d(?::\d\d)?(?![\d:])",
        r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])",
        r"(?<![\d.])(?<!\d[ -])(?!0\d)\d+\.\d+(?![\d.])(?![ -]\d)",
    )
)
"""Numbers that say how much, when or which version."""
LATIN = r"A-Za-z\u00c0-\u024f"
TOKEN = re.compile(
    rf"(?P<amount>{AMOUNT})"
    rf"|(?P<digits>\d++(?![{LATIN}])|\d{{6,}})"
    rf"|(?P<word>[A-Za-z]{{2}}\d\d[A-Za-z\d]{{11,30}}|(?:(?!\d{{6}})[{LATIN}\d])+(?:['’][{LATIN}]+)*"
    r"|[^\W\d]+)|(?P<mark>\S)"
)
"""Few digits beside Latin letters are a name (A4, 5G); other scripts put no space between."""
BETWEEN = frozenset("-–—‑.,()/+·")
"""Punctuation inside telephone and card numbers."""
GAP = 4
"""Fillers and marks between two digits of one number, at most."""
POINTS = frozenset({"point", "comma", "komma", "virgule", "coma", "punto", "dot", "punkt"})
"""Words after which digits are decimals or part of a name."""


@dataclass(frozen=True, slots=True)
class Atom:
    """Digits that were written or said as one."""

    digits: str
    start: int
    end: int
    spoken: bool


@dataclass(slots=True)
class Run:
    """Digits that may be one number."""

    text: str
    atoms: list[Atom] = field(default_factory=list)
    plus: bool = False
    """A plus sign stands before it."""
    amount: bool = False
    """It is a quantity: decimals, or thousands or millions of something."""

    @property
    def start(self) -> int:
        """Where it begins in the text; with its opening bracket."""
        first = self.atoms[0].start
        before = self.text[:first].rstrip(" ")
        while before.endswith(("+", "(")):
            first = len(before) - 1
            before = before[:-1].rstrip(" ")
        return first

    @property
    def end(self) -> int:
        """Where it ends in the text."""
        return self.atoms[-1].end

    @property
    def digits(self) -> str:
        """All of them."""
        return "".join(atom.digits for atom in self.atoms)

    @property
    def groups(self) -> list[str]:
        """Digits as they are grouped; those said one by one are one group."""
        found: list[str] = []
        single = False
        for atom in self.atoms:
            one = atom.spoken
            if found and one and single:
                found[-1] += atom.digits
            else:
                found.append(atom.digits)
            single = one
        return found

    @property
    def gaps(self) -> list[str]:
        """What stands between the groups."""
        pairs = zip(self.atoms, self.atoms[1:], strict=False)
        return [self.text[one.end : two.start] for one, two in pairs]

    @property
    def spoken(self) -> bool:
        """Whether all of it was said digit by digit, or is written so."""
        return all(atom.spoken or len(atom.digits) == 1 for atom in self.atoms)


def runs(text: str, language: str) -> list[Run]:
    """Find all runs of a text, in their order."""
    gathering = _Gathering(text, language)
    for token in TOKEN.finditer(text):
        gathering.take(token)
    gathering.over()
    return gathering.found


def open_number(text: str, language: str) -> int:
    """Where a number begins that the end of the text may be in the middle of; else its length."""
    start = len(text)
    for token in reversed(list(TOKEN.finditer(text))):
        word = token[0].casefold()
        if token["mark"] == "+" or word == "plus" or _has_digits(word, language):
            start = token.start()
        elif word not in BETWEEN and word not in FILLERS:
            break
    while (
        start
        and start < len(text)
        and text[start - 1] in "+( "
        and text[:start].rstrip(" ")[-1:] in ("+", "(")
    ):
        start = len(text[:start].rstrip(" ")) - 1
    return start


def without_begun(text: str, language: str) -> str:
    """The text without a last word that may be the beginning of a number word: `four s`."""
    last = re.search(r"[^\W\d_]+$", text)
    begun = last is not None and begins_number(last[0].casefold(), language)
    return text[: last.start()].rstrip() if last and begun else text


def _has_digits(word: str, language: str) -> bool:
    return any(c.isdecimal() for c in word) or word in REPEATS or bool(digits(word, language))


class _Gathering:
    """Puts tokens together to runs."""

    def __init__(self, text: str, language: str) -> None:
        self.found: list[Run] = []
        self._text = text
        self._language = language
        self._run = Run(text)
        self._gap = 0
        self._times, self._from = 1, -1

    def take(self, token: re.Match[str]) -> None:
        """Take in the next token."""
        word = token[0].casefold()
        if token["amount"]:
            self.over()
        elif token["digits"]:
            self._add("".join(str(int(c)) for c in word), token, spoken=False)
        elif token["mark"]:
            self._mark(word)
        else:
            self._word(word, token)

    def over(self, *, amount: bool = False, plus: bool = False, decimal: bool = False) -> None:
        """Nothing more belongs to the open run."""
        if self._run.atoms:
            self._run.amount = self._run.amount or amount
            self.found.append(self._run)
        self._run = Run(self._text, plus=plus, amount=decimal)
        self._gap, self._times, self._from = 0, 1, -1

    def _mark(self, mark: str) -> None:
        if mark == "+":
            self.over(plus=True)
        elif mark not in BETWEEN:
            self.over()
        else:
            self._skip()

    def _word(self, word: str, token: re.Match[str]) -> None:
        spoken = digits(word, self._language)
        if word in REPEATS:
            self._times, self._from = REPEATS[word], token.start()
        elif word == "plus":
            self.over(plus=True)
        elif spoken and (word != "hundred" or self._run.atoms):
            self._add(spoken, token, spoken=True)
        elif word in FILLERS:
            self._skip()
        else:
            self.over(amount=word in SCALES, decimal=word in POINTS)

    def _skip(self) -> None:
        self._gap += 1
        if self._gap > GAP:
            self.over()

    def _add(self, found: str, token: re.Match[str], *, spoken: bool) -> None:
        start = self._from if self._from >= 0 else token.start()
        atom = Atom(found * self._times, start, token.end(), spoken)
        atoms = self._run.atoms
        if atoms and _continues(atoms[-1], atom, self._text):
            atom = Atom(atoms[-1].digits[0] + atom.digits, atoms.pop().start, atom.end, True)
        atoms.append(atom)
        self._gap, self._times, self._from = 0, 1, -1


def _continues(tens: Atom, unit: Atom, text: str) -> bool:
    """Whether they are one number below a hundred: forty one."""
    if not (tens.spoken and unit.spoken and len(tens.digits) == 2 and len(unit.digits) == 1):
        return False
    return (
        tens.digits[1] == "0" < unit.digits
        and tens.digits[0] > "1"
        and not text[tens.end : unit.start].strip(" -")
    )
