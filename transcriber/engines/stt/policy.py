"""
Which engine hears which language, as one line that people write and read.

    en,fr -> kyutai; de -> vosk, deepgram; else local; fallback openai

For each language the engines in the order in which they are wanted; `else` for all other
languages; `fallback` when none of those works. The name of an engine alone stands for `else`.
Before `else` and `fallback` a comma will do as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from transcriber.errors import Misconfigured

__all__ = ["Policy"]

CLAUSES = re.compile(r";|,(?=\s*(?:else|fallback)\b)")
CLAUSE = re.compile(r"(?:(?P<keyword>else|fallback)\b|(?P<languages>[^>]*)->)?(?P<engines>.*)")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
ENGINE = re.compile(r"[a-z][a-z0-9_-]*")
FORM = "write for example: en,fr -> kyutai; else local; fallback openai"


@dataclass(frozen=True, slots=True)
class Policy:
    """The engines for each language, best first."""

    languages: tuple[tuple[str, tuple[str, ...]], ...] = ()
    otherwise: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, setting: str = "ASR_BACKEND") -> Policy:
        """Read a policy; raises `Misconfigured`, which blames the setting."""
        languages: dict[str, tuple[str, ...]] = {}
        rest: dict[str, tuple[str, ...]] = {}
        for clause in filter(None, map(str.strip, CLAUSES.split(text))):
            found = CLAUSE.fullmatch(clause)
            engines = _names(found["engines"] if found else "", ENGINE, setting)
            if found and found["languages"] is not None:
                languages |= dict.fromkeys(_names(found["languages"], LANGUAGE, setting), engines)
            else:
                rest[(found and found["keyword"]) or "else"] = engines
        if not languages and not rest:
            raise Misconfigured(setting, "no engine is named", remedy=FORM)
        return cls(tuple(languages.items()), rest.get("else", ()), rest.get("fallback", ()))

    @property
    def engines(self) -> tuple[str, ...]:
        """Every engine in it, each once."""
        named = [name for _, names in self.languages for name in names]
        return tuple(dict.fromkeys([*named, *self.otherwise, *self.fallback]))

    def order(self, language: str) -> tuple[str, ...]:
        """Return the engines for a language, best first; `pt-BR` is also `pt`."""
        chosen = dict(self.languages)
        names = chosen.get(language) or chosen.get(language.partition("-")[0]) or self.otherwise
        return tuple(dict.fromkeys([*names, *self.fallback]))


def _names(text: str, form: re.Pattern[str], setting: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if not form.fullmatch(name):
            raise Misconfigured(setting, f"{text.strip()!r} cannot be read", remedy=FORM)
    return names
