"""
What must not leave: card numbers, IBANs, e-mail addresses, telephone numbers, own patterns.

Redaction is the last step before words go anywhere, and it works on the text as it will be read.
Two things make it more than a search:

* A partial ends somewhere in the middle. Whatever at its end may still become something secret
  (digits, the beginning of an IBAN or an address) is held back until it is known. So the text of
  a partial is masked and cut, and a later text never shows that an earlier one showed too much.
* People pause while they read out numbers, so an utterance may end within one. The digits at the
  end of a final are remembered and judged together with those at the beginning of the next.

Own patterns are matched by the `regex` package: it can say that a text might go on to match, and
it gives up after a time. A pattern that takes too long hides the whole text rather than nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import regex

from transcriber.captions import identifiers
from transcriber.captions.runs import Run, open_number, runs, without_begun
from transcriber.captions.words import placed
from transcriber.engines.stt.base import Word
from transcriber.errors import Misconfigured

__all__ = ["KINDS", "SETTING", "Kind", "Redactor", "compiled"]

Kind = Literal["card", "iban", "email", "phone"]
KINDS: tuple[Kind, ...] = ("card", "iban", "email", "phone")
NUMBERS = frozenset({"card", "iban", "phone"})
"""Kinds that are made of digits."""

SETTING = "REDACT_PATTERNS"
MOST_PATTERN = 500
"""Characters of an own pattern."""
MOST_TEXT = 4_000
"""Characters at the end of a text that are looked at; an utterance is far shorter."""
CONTEXT = 80
"""Characters before an unfinished number that are remembered: *my number is*."""
MOST_CARRIED = 400
"""Characters of an utterance that the next one is judged with."""
PAUSE = 6.0
"""Seconds after which nobody goes on with a number."""
TIMEOUT = 0.02
"""Seconds that one own pattern may take on one text."""
HARD = ("a" * 200 + "!", "1" * 200 + "!", "a1 " * 70 + "!", " " * 200 + "!", "a@a." * 50 + "!")
"""Texts on which patterns that take too long are found out before they are used."""


@dataclass(frozen=True, slots=True, order=True)
class Mask:
    """A part of a text that must not leave."""

    start: int
    end: int
    label: str


def compiled(patterns: Iterable[str]) -> tuple[regex.Pattern[str], ...]:
    """Check own patterns; raises `Misconfigured` for one that is wrong or may take too long."""
    return tuple(_compiled(pattern) for pattern in patterns)


def _compiled(pattern: str) -> regex.Pattern[str]:
    if len(pattern) > MOST_PATTERN:
        raise Misconfigured(SETTING, f"a pattern is longer than {MOST_PATTERN} characters")
    try:
        made = regex.compile(pattern, regex.IGNORECASE)
        if made.search("", timeout=TIMEOUT):
            raise Misconfigured(SETTING, f"{pattern!r} matches nothing at all")
        for text in HARD:
            made.search(text, timeout=TIMEOUT)
    except regex.error as wrong:
        raise Misconfigured(SETTING, f"{pattern!r} is no pattern: {wrong}") from None
    except TimeoutError:
        remedy = "avoid repetitions inside of repetitions"
        raise Misconfigured(SETTING, f"{pattern!r} takes too long", remedy=remedy) from None
    return made


class Redactor:
    """Takes out of one speaker's words what must not leave."""

    def __init__(
        self,
        kinds: Iterable[Kind] = KINDS,
        patterns: Iterable[regex.Pattern[str]] = (),
        *,
        language: str = "en",
    ) -> None:
        self._kinds = frozenset(kinds)
        self._patterns = tuple(patterns)
        self._language = language
        self._before = ""
        """The end of the last utterance, as it was said."""
        self._ended = 0.0
        self._hidden = False

    def partial(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Return what may be shown of an utterance that goes on."""
        text, starts = placed(words, self._language)
        before = self._carried(words)
        cut = self._open(before + text) - len(before)
        return _masked(words, starts, self._masks(before, text), cut)

    def final(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Return what may be shown of an utterance that is over; call it once for each."""
        text, starts = placed(words, self._language)
        before = self._carried(words)
        masks = self._masks(before, text)
        if text:
            masks += self._unfinished(before, text, masks)
            self._ended = words[-1].end
        return _masked(words, starts, masks, len(text))

    def _carried(self, words: Sequence[Word]) -> str:
        """What was said just before, if these words go on with it."""
        if not words or words[0].start > self._ended + PAUSE or not self._before:
            self._hidden = self._hidden and not words
            return ""
        return f"{self._before} "

    def _unfinished(self, before: str, text: str, masks: list[Mask]) -> list[Mask]:
        """Hide the beginning of a number in which somebody paused, and remember the end."""
        whole = before + text
        cut = self._open(whole)
        self._before = whole[max(0, cut - CONTEXT) :][-MOST_CARRIED:]
        known = any(mask.end > cut - len(before) for mask in masks)
        begun = min(self._begun(whole, known=known), default=len(whole))
        hide = begun < len(whole)
        self._hidden = hide or (known and cut < len(whole))
        return [Mask(max(0, begun - len(before)), len(text), "number")] if hide else []

    def _begun(self, text: str, *, known: bool) -> Iterator[int]:
        """Where numbers begin that the end of the text may be in the middle of."""
        if "iban" in self._kinds:
            yield identifiers.begun_iban(text, self._language)
        start = len(text) if known else open_number(text, self._language)
        for run in runs(text[start:], self._language)[-1:]:
            card = "card" in self._kinds and identifiers.begun_card(run)
            if card or ("phone" in self._kinds and identifiers.begun_phone(run)):
                yield start + run.start

    def _masks(self, before: str, text: str) -> list[Mask]:
        """What of the text must not be seen, given what was said before it."""
        hidden = max(0, len(text) - MOST_TEXT)
        found = self._found(before + text[hidden:])
        moved = (_moved(mask, hidden - len(before)) for mask in found)
        masks = [Mask(max(mask.start, 0), mask.end, mask.label) for mask in moved if mask.end > 0]
        if hidden:
            masks.append(Mask(0, hidden, "redacted"))
        return masks

    def _found(self, text: str) -> list[Mask]:
        found: list[Mask] = []
        if "email" in self._kinds:
            found += (Mask(start, end, "email") for start, end in identifiers.emails(text))
        if "iban" in self._kinds:
            spans = identifiers.ibans(text, self._language)
            found += (Mask(start, end, "iban") for start, end in spans)
        if NUMBERS & self._kinds:
            for run in runs(text, self._language):
                found += self._number(run)
        for pattern in self._patterns:
            found += _matches(pattern, text)
        return found

    def _number(self, run: Run) -> list[Mask]:
        found: list[Mask] = []
        if "card" in self._kinds:
            found = [Mask(start, end, "card") for start, end in identifiers.cards(run)]
        if "phone" in self._kinds and not found:
            found = [Mask(start, end, "phone") for start, end in identifiers.phones(run)]
        carried = self._hidden and run.start < len(self._before) < run.end
        return found or ([Mask(run.start, run.end, "number")] if carried else [])

    def _open(self, text: str) -> int:
        """Where the part begins that is held back."""
        cut = whole = len(text)
        said = without_begun(text, self._language)
        if NUMBERS & self._kinds:
            start = open_number(said, self._language)
            cut = start if start < len(said) else cut
        if "iban" in self._kinds:
            start = identifiers.open_iban(said, self._language)
            cut = min(cut, start if start < len(said) else whole)
        if "email" in self._kinds:
            cut = min(cut, identifiers.open_email(text))
        for pattern in self._patterns:
            cut = min(cut, _beginning(pattern, text))
        return cut


def _moved(mask: Mask, by: int) -> Mask:
    return replace(mask, start=mask.start + by, end=mask.end + by)


def _matches(pattern: regex.Pattern[str], text: str) -> list[Mask]:
    try:
        found = pattern.finditer(text, timeout=TIMEOUT)
        return [Mask(match.start(), match.end(), "redacted") for match in found if match[0]]
    except TimeoutError:
        return [Mask(0, len(text), "redacted")]


def _beginning(pattern: regex.Pattern[str], text: str) -> int:
    """Where a match begins that the end of the text cuts off."""
    try:
        found = pattern.finditer(text, partial=True, timeout=TIMEOUT)
        return min((match.start() for match in found if match.partial), default=len(text))
    except TimeoutError:
        return 0


def _masked(
    words: Sequence[Word], starts: Sequence[int], masks: Iterable[Mask], cut: int
) -> tuple[Word, ...]:
    """Put masks in the place of words; leave out what begins at the cut or reaches over it."""
    result: list[Word] = []
    rest, open_mask = _merged(masks), None
    for word, start in zip(words, starts, strict=True):
        end = start + len(word.text)
        if end > cut:
            break
        inside = [mask for mask in rest if mask.start < end and start < mask.end]
        if not inside:
            result.append(word)
            continue
        first, last = inside[0], inside[-1]
        after = word.text[last.end - start :] if last.end < end else ""
        if first is open_mask:
            result[-1] = replace(result[-1], text=result[-1].text + after, end=word.end)
        else:
            before = word.text[: max(0, first.start - start)]
            result.append(replace(word, text=f"{before}[{first.label}]{after}"))
        open_mask = last
    return tuple(result)


def _merged(masks: Iterable[Mask]) -> list[Mask]:
    merged: list[Mask] = []
    for mask in sorted(masks):
        if merged and mask.start < merged[-1].end:
            merged[-1] = replace(merged[-1], end=max(mask.end, merged[-1].end))
        else:
            merged.append(mask)
    return merged
