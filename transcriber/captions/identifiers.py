"""
What identifies an account or a person in a text: card numbers, IBANs, telephone numbers, addresses.

Cards are told from other numbers by Luhn's check digit, IBANs by their length and the remainder
of 97. Telephone numbers have no check: they are known by a plus sign, a leading zero, one of the
ways in which they are grouped, or the words before them, and everything that is more likely a
price, a date, a range, a year or counting is left alone.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from transcriber.captions.numbers import FILLERS, digits
from transcriber.captions.runs import BETWEEN, TOKEN, Atom, Run

__all__ = [
    "Span",
    "begun_card",
    "begun_iban",
    "begun_phone",
    "cards",
    "emails",
    "ibans",
    "open_email",
    "open_iban",
    "phones",
]

Span = tuple[int, int]
"""Beginning and end in the text."""

CARD = range(13, 20)
"""Digits of a card number."""
BRANDS = (
    ("4", (13, 16, 19)),
    ("5 22 23 24 25 26 27 35 6 62", (16,)),
    ("34 37", (15,)),
    ("30 36 38 39", (14,)),
)
"""First digits and lengths of the cards that are in use."""
BLOCKS = ([4, 4, 4, 4], [4, 6, 5], [4, 6, 4], [4, 4, 4, 4, 3])
"""How card numbers are printed."""

BEGUN = 6
"""Letters and digits of an unfinished number that are too many to be shown."""
PHONE = range(7, 16)
"""Digits of a telephone number."""
SHAPES = frozenset(
    {
        (3, 3, 4), (1, 3, 3, 4), (3, 3, 3), (4, 3, 3), (5, 5), (5, 6), (2, 4, 4), (2, 5, 4),
        (3, 2, 2, 2), (3, 2, 2), (3, 4, 4), (4, 6), (4, 7),
    }
)  # fmt: skip
"""How telephone numbers without a leading zero are grouped."""
AMERICAN = re.compile(r"1?[2-9]\d\d[2-9]\d{6}")
STEPS = frozenset({-10, -5, -2, -1, 1, 2, 5, 10, 100})
"""How people count."""
CALLED = (
    "call|calls|dial|phone|phones|telephone|tel|mobile|cell|cellphone|fax|text|ring|reach|whatsapp|"
    "sms|my number|number is|handynummer|handy|telefon|telefonnummer|rufnummer|nummer ist|anrufen|"
    "téléphone|portable|numéro|teléfono|telefono|móvil|número"
)
BETWEEN_CALL = (
    "me|us|him|her|them|at|on|is|was|number|no|under|back|please|my|the|its|it's|ist|est|es|meine|"
    "lautet|unter|au|le|al|now|today|uh|um"
)
CALLING = re.compile(rf"\b(?:{CALLED})(?:[\s:,.]+(?:{BETWEEN_CALL}))*[\s:,.(+]*$", re.IGNORECASE)
"""Words that a telephone number follows, and what may stand between."""

COUNTRIES = (
    "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 "
    "DE:22 DK:18 DO:28 EE:20 EG:29 ES:24 FI:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 "
    "HR:21 HU:28 IE:22 IL:23 IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 LV:21 "
    "MC:27 MD:24 ME:22 MK:19 MR:27 MT:31 MU:30 NL:18 NO:15 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 "
    "RS:22 SA:24 SE:24 SI:19 SK:24 SM:27 TN:24 TR:26 UA:29 VA:22 VG:24 XK:20"
)
CONTEXT = 80
"""Characters before a number that are looked at for such words."""

IBANS = dict(pair.split(":") for pair in COUNTRIES.split())
"""How long the IBANs of a country are."""

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
OPEN_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w.-]{0,255}\s*$")
AT = r"(?:at|@|arobase|arroba|chiocciola|klammeraffe|ät)"
DOT = r"(?:dot|punkt|point|punto|ponto|\.)"
JOIN = rf"(?:{DOT}|underscore|dash|hyphen|minus|plus|unterstrich|bindestrich|tiret)"
LOCAL = rf"\w{{1,30}}(?:\s+{JOIN}\s+\w{{1,30}}){{0,6}}"
ENDINGS = (
    "com|org|net|edu|gov|info|io|eu|de|at|ch|fr|uk|nl|be|es|it|pt|pl|us|ca|au|ai|app|dev|co|me"
)
SPOKEN_EMAIL = re.compile(
    rf"\b{LOCAL}\s+{AT}\s+\w{{1,40}}(?:\s+{JOIN}\s+\w{{1,40}}){{0,5}}?(?:\s+{DOT}\s+|\.)(?:{ENDINGS})"
    rf"(?:\s+{DOT}\s+(?:{ENDINGS}))?\b",
    re.IGNORECASE,
)
"""An address as it is read out: `ann dot lee at example dot com`."""
OPEN_SPOKEN = re.compile(
    rf"(?:\b\w{{1,30}}(?:\s+{JOIN}\s+\w{{1,30}}){{1,6}}\s+)?\b{AT}(?:\s+\w{{1,40}}(?:\s+{JOIN}\s+\w{{1,40}}){{0,5}}"
    rf"(?:\s+{JOIN})?)?\s*$|\b\w{{1,30}}(?:\s+{JOIN}\s+\w{{1,30}}){{0,6}}\s+{JOIN}(?:\s+\w{{1,30}})?\s*$",
    re.IGNORECASE,
)
"""The end of a text that may be the beginning of such an address."""


def cards(run: Run) -> Iterator[Span]:
    """
    Find a card number; what is read out after it (expiry, security code) belongs to it.

    Recognisers that stumble over repeated digits write endless ones: those may hold anything.
    """
    atoms = run.atoms
    if run.amount or _ordinary(run):
        return
    endless = any(len(atom.digits) >= CARD.stop for atom in atoms)
    if endless or (_luhn(run.digits) and (run.spoken or _printed(run))):
        yield run.start, run.end
        return
    for first in range(len(atoms)):
        number = ""
        for last in range(first, len(atoms)):
            number += atoms[last].digits
            if len(number) >= CARD.stop:
                break
            if _luhn(number) and (_brand(number) or last == first):
                yield (run.start if first == 0 else atoms[first].start), run.end
                return


def _luhn(number: str) -> bool:
    """Whether it may be a card number, by its length and its check digit."""
    if len(number) not in CARD or len(set(number)) == 1:
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (sum(doubled) + sum(map(int, number[-1::-2]))) % 10 == 0


def _brand(number: str) -> bool:
    return any(
        len(number) in lengths and number.startswith(tuple(first.split()))
        for first, lengths in BRANDS
    )


def _printed(run: Run) -> bool:
    sizes = [len(group) for group in run.groups]
    if len(sizes) == 1 or sizes in BLOCKS:
        return True
    return _tight(run) and (_brand(run.digits) or set(sizes) == {2})


def phones(run: Run) -> Iterator[Span]:
    """Find a telephone number."""
    if _phone(run):
        yield run.start, run.end
        return
    at = 0
    while at < len(run.atoms):
        part = _american(run, at)
        if part is not None:
            yield part.start, part.end
        at += len(part.atoms) if part else 1


def _american(run: Run, at: int) -> Run | None:
    """The American number in its usual form that begins with this group."""
    for form in ((1, 3, 3, 4), (3, 3, 4)):
        part = Run(run.text, run.atoms[at : at + len(form)])
        sizes = tuple(len(atom.digits) for atom in part.atoms)
        if sizes == form and AMERICAN.fullmatch(part.digits) and _tight(part):
            return part
    return None


def begun_card(run: Run) -> bool:
    """Whether an utterance that ends with this may have been interrupted in a card number."""
    sizes = [len(group) for group in run.groups]
    blocks = set(sizes[:-1]) == {4} and (_tight(run) or len(sizes) > 2 or _trails(run))
    return _begun(run) and (run.spoken or blocks or sizes[:2] == [4, 6])


def begun_phone(run: Run) -> bool:
    """Whether an utterance that ends with this may have been interrupted in a telephone number."""
    number, sizes = run.digits, [len(group) for group in run.groups]
    if run.plus or run.spoken:
        return _begun(run)
    grouped = len(sizes) > 1 and (number[0] == "0" or min(sizes[:-1]) >= 3)
    return _begun(run) and grouped and len(number) >= PHONE.start and (_tight(run) or _trails(run))


def _begun(run: Run) -> bool:
    alone = len(run.atoms) > 1 or run.plus
    ordinary = run.amount or _counting(run.atoms) or _ordinary(run)
    return alone and not ordinary and len(run.digits) >= BEGUN


def _trails(run: Run) -> bool:
    return run.text[run.end :].startswith(",")


def _phone(run: Run) -> bool:
    number, groups, first = run.digits, run.groups, run.atoms[0].start
    if run.amount or len(number) not in PHONE or _counting(run.atoms):
        return False
    if run.plus or CALLING.search(run.text[max(0, first - CONTEXT) : first]):
        return True
    if _ordinary(run):
        return False
    if run.spoken and len(run.atoms) >= 7:
        return True
    if not _tight(run):
        return False
    return _written(number, groups, run.gaps)


def _written(number: str, groups: Sequence[str], gaps: Sequence[str]) -> bool:
    sizes = tuple(len(group) for group in groups)
    if number[0] == "0" and number[1] != "." and len(number) >= 9:
        return True
    if len(sizes) == 1:
        return bool(AMERICAN.fullmatch(number)) and not number.endswith("000")
    if sizes == (3, 4):
        return (gaps[0].strip() in ("-", ".") and groups[1][-2:] != "00") or groups[0] == "555"
    return sizes in SHAPES


def _tight(run: Run) -> bool:
    """Nothing between the digits but spaces and the marks inside of numbers; no list."""
    return all(len(gap) <= 3 and not set(gap) - set(" -–‑.()/·") for gap in run.gaps)


def _ordinary(run: Run) -> bool:
    """Years, or thousands in groups."""
    groups = run.groups
    years = all(len(group) == 4 and group[:2] in ("18", "19", "20") for group in groups)
    return years or (len(groups) > 1 and groups[-1] == "000")


def _counting(atoms: Sequence[Atom]) -> bool:
    values = [int(atom.digits) for atom in atoms]
    steps = {two - one for one, two in itertools.pairwise(values)}
    return len(values) > 2 and len(steps) == 1 and not steps.isdisjoint(STEPS)


def ibans(text: str, language: str) -> Iterator[Span]:
    """Find IBANs, written in any grouping or spelled out."""
    for row in _letters_and_digits(text, language):
        at = 0
        while at < len(row):
            size = _iban(row, at)
            if size and (len(row) - at == size or _check(row[at : at + size])):
                yield row[at][1], row[at + size - 1][2]
                at += size
            else:
                at += 1


def open_iban(text: str, language: str) -> int:
    """Where an IBAN begins that the end of the text may be in the middle of; else its length."""
    for row in _letters_and_digits(text, language):
        if text[row[-1][2] :].strip(" -.,"):
            continue
        for at in range(len(row)):
            country = "".join(c for c, _, _ in row[at : at + 2])
            begun = country in IBANS and len(row) > at + 2 and row[at + 2][0].isdecimal()
            if begun and len(row) - at <= int(IBANS[country]):
                return row[at][1]
    return len(text)


Row = list[tuple[str, int, int]]
"""Characters with the beginning and end of the token that they come from."""


def _letters_and_digits(text: str, language: str) -> Iterator[Row]:
    """Rows of what may be part of an account number."""
    row: Row = []
    for token in TOKEN.finditer(text):
        filling = token[0] in BETWEEN or token[0].casefold() in FILLERS
        spelled = "" if filling else _spelled(token[0], language)
        row += [(c, *token.span()) for c in spelled]
        if not (spelled or filling):
            if row:
                yield row
            row = []
    if row:
        yield row


def _spelled(token: str, language: str) -> str:
    if spoken := digits(token.casefold(), language):
        return spoken
    if token.isdecimal():
        return "".join(str(int(c)) for c in token)
    known = token.isascii() and token.isalnum()
    compact = len(token) >= 15 and token[:2].isalpha() and token[2:4].isdecimal()
    return token.upper() if known and (compact or token.upper() == token or len(token) == 1) else ""


def _iban(row: Row, at: int) -> int:
    """How long the IBAN is that begins here; 0 when none does, or it is cut off."""
    country = "".join(c for c, _, _ in row[at : at + 2])
    begins = at == 0 or row[at][1] != row[at - 1][1]
    size = int(IBANS.get(country, 0)) if begins else 0
    digits_follow = all(c.isdecimal() for c, _, _ in row[at + 2 : at + 4])
    return size if size and digits_follow and at + size <= len(row) else 0


def _check(row: Row) -> bool:
    account = "".join(c for c, _, _ in [*row[4:], *row[:4]])
    return int("".join(str(int(c, 36)) for c in account)) % 97 == 1


def begun_iban(text: str, language: str) -> int:
    """Where an IBAN begins that an utterance ends within; else the length of the text."""
    start = open_iban(text, language)
    said = "".join(_spelled(token[0], language) for token in TOKEN.finditer(text[start:]))
    return start if BEGUN <= len(said) < int(IBANS.get(said[:2], 0)) else len(text)


def emails(text: str) -> Iterator[Span]:
    """Find addresses, written or read out."""
    for pattern in (EMAIL, SPOKEN_EMAIL):
        yield from (found.span() for found in pattern.finditer(text))


def open_email(text: str) -> int:
    """Where an address begins that the end of the text may be in the middle of; else its length."""
    found = OPEN_EMAIL.search(text) or OPEN_SPOKEN.search(text)
    return found.start() if found else len(text)
