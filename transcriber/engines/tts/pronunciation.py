"""
How words are said that engines get wrong: written down once, for all engines.

    Nextcloud: next cloud       in every language
    HPB: H P B
    de:                         in one language
      Nextcloud: Nextklaud

Whole words, in whatever case they are written; the longest entry wins, and what was put in is not
looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from transcriber.errors import Misconfigured

__all__ = ["Pronunciations"]

SETTING = "TTS_PRONUNCIATIONS"
FORM = "write one `word: how to say it` a line"


class Pronunciations:
    """The words of every language, and those of single ones."""

    def __init__(self, entries: Mapping[str, str | Mapping[str, str]] | None = None) -> None:
        self._everywhere: dict[str, str] = {}
        self._languages: dict[str, dict[str, str]] = {}
        for name, said in (entries or {}).items():
            if isinstance(said, str):
                self._everywhere[name.casefold()] = said
            else:
                words = {word.casefold(): way for word, way in said.items()}
                self._languages[name.partition("-")[0].casefold()] = words

    @classmethod
    def parse(cls, content: object) -> Pronunciations:
        """Take what a YAML file says; raises `Misconfigured`."""
        if not isinstance(content, dict):
            raise Misconfigured(SETTING, "is not a list of words", remedy=FORM)
        for name, said in content.items():
            _demand(name, said if isinstance(said, str) else "?")
            if isinstance(said, dict):
                for word, way in said.items():
                    _demand(word, way)
            elif not isinstance(said, str):
                raise Misconfigured(SETTING, f"{name!r} is not said by words", remedy=FORM)
        return cls(content)

    def apply(self, text: str, language: str) -> str:
        """Return a text with every word of the list as it is to be said."""
        words = self._everywhere | self._languages.get(language.partition("-")[0].casefold(), {})
        if not words:
            return text
        longest_first = sorted(map(re.escape, words), key=len, reverse=True)
        form = rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)"
        return re.sub(
            form,
            lambda match: words.get(match.group().casefold(), match.group()),
            text,
            flags=re.IGNORECASE,
        )


def _demand(word: object, said: object) -> None:
    if not isinstance(word, str) or not isinstance(said, str) or not word.strip():
        raise Misconfigured(
            SETTING,
            f"{word!r}: {said!r} is not two texts",
            remedy=f"{FORM}, in quotes where YAML takes it for something else",
        )
