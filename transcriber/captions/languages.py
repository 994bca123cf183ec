"""
Languages as people and browsers see them: their own name, what stands between words, direction.

Talk's page needs all three for each language that is offered, and breaks without them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NAMES", "Language", "language", "same_language"]

NAMES = {
    "ar": "العربية", "bg": "Български", "bn": "বাংলা", "ca": "Català", "cs": "Čeština",
    "da": "Dansk", "de": "Deutsch", "el": "Ελληνικά", "en": "English", "eo": "Esperanto",
    "es": "Español", "et": "Eesti", "eu": "Euskara", "fa": "فارسی", "fi": "Suomi",
    "fr": "Français", "gl": "Galego", "gu": "ગુજરાતી", "he": "עברית", "hi": "हिन्दी",
    "hr": "Hrvatski", "hu": "Magyar", "hy": "Հայերեն", "id": "Bahasa Indonesia",
    "is": "Íslenska", "it": "Italiano", "ja": "日本語", "ka": "ქართული", "kk": "Қазақша",
    "ko": "한국어", "lt": "Lietuvių", "lv": "Latviešu", "mr": "मराठी", "ms": "Bahasa Melayu",
    "mt": "Malti", "nb": "Norsk bokmål", "nl": "Nederlands", "pl": "Polski", "pt": "Português",
    "ro": "Română", "ru": "Русский", "sk": "Slovenčina", "sl": "Slovenščina", "sr": "Српски",
    "sv": "Svenska", "sw": "Kiswahili", "ta": "தமிழ்", "te": "తెలుగు", "th": "ไทย",
    "tl": "Tagalog", "tr": "Türkçe", "uk": "Українська", "ur": "اردو", "uz": "O\u02bbzbekcha",
    "vi": "Tiếng Việt", "zh": "中文",
}  # fmt: skip
"""What each language calls itself."""
UNSPACED = {"ja", "th", "zh"}
"""Written without spaces between words."""
RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}
SCRIPTS = {"sr", "zh"}
"""Whose variants are written so differently that a reader of one may not read the other."""


@dataclass(frozen=True, slots=True)
class Language:
    """How captions in a language are shown."""

    code: str
    name: str
    separator: str
    rtl: bool


def language(code: str) -> Language:
    """Return what is known about a code such as `en` or `pt-BR`; an unknown one is its own name."""
    base, _ = _parts(code)
    separator = "" if base in UNSPACED else " "
    return Language(code, NAMES.get(base, code), separator, base in RIGHT_TO_LEFT)


def same_language(one: str, other: str) -> bool:
    """Whether who reads one of two languages needs no translation of the other."""
    (base, variant), (other_base, other_variant) = _parts(one), _parts(other)
    told_apart = base in SCRIPTS and variant and other_variant and variant != other_variant
    return base == other_base and not told_apart


def _parts(code: str) -> tuple[str, str]:
    """A code's language, and what follows it; some write it with an underscore."""
    base, _, variant = code.lower().replace("_", "-").partition("-")
    return base, variant
