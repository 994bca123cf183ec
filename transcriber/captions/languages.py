"""
Languages as people and browsers see them: their own name, what stands between words, direction.

Talk's page needs all three for each language that is offered, and breaks without them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NAMES", "Language", "language"]

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


@dataclass(frozen=True, slots=True)
class Language:
    """How captions in a language are shown."""

    code: str
    name: str
    separator: str
    rtl: bool


def language(code: str) -> Language:
    """Return what is known about a code such as `en` or `pt-BR`; an unknown one is its own name."""
    base = code.partition("-")[0].lower()
    separator = "" if base in UNSPACED else " "
    return Language(code, NAMES.get(base, code), separator, base in RIGHT_TO_LEFT)
