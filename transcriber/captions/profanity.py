"""Words that some readers do not want to see: their first letter stays, the rest becomes stars."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from transcriber.engines.stt.base import Word

__all__ = ["Swearing"]

STEMS: dict[str, str] = {
    "en": "fuck motherfuck shit bullshit bitch cunt asshole bastard dickhead "
    "wank twat cock pussy slut whore",
    "de": "scheiß scheiss arschloch fick fotze hure wichser miststück",
    "fr": "putain merde connard connasse salope enculé enfoiré",
    "es": "mierda puta puto joder cabrón gilipollas coño",
}
ENDINGS = {
    "en": "s es ed er ers ing in y ty ting ted head heads hole holes",
    "de": "e en er es te t ern n",
    "fr": "s e es",
    "es": "s es",
}


class Swearing:
    """Hides swear words of a language, and those that one names oneself."""

    def __init__(self, language: str, words: Iterable[str] = ()) -> None:
        short = language.lower().split("-")[0]
        own = "|".join(re.escape(word.strip()) for word in words if word.strip())
        stems = "|".join(STEMS.get(short, STEMS["en"]).split())
        endings = "|".join(ENDINGS.get(short, "").split())
        listed = rf"(?:{stems})(?:{endings})?"
        both = f"{listed}|{own}" if own else listed
        self._pattern = re.compile(rf"(?<!\w)(?:{both})(?!\w)", re.IGNORECASE)

    def hidden(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Return the words with stars in those that are sworn."""
        return tuple(self._hidden(word) for word in words)

    def _hidden(self, word: Word) -> Word:
        text = self._pattern.sub(lambda found: found[0][0] + "*" * (len(found[0]) - 1), word.text)
        return word if text == word.text else replace(word, text=text)
