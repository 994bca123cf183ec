"""
The filters and tests of jinja templates: a plain list, because each one is a promise and a risk.

Each takes values and returns a value, touches nothing else and is bounded by the size of what it is
given; `spell` and `digits` are ours, because a voice reads "1234" as a number when it shall not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from dialogs.errors import TemplateError
from dialogs.program import MAX_OUTPUT

__all__ = ["FILTERS", "TESTS", "text_of"]


def text_of(value: object) -> str:
    """Write a value as flows expect it: `true` and `false` in small letters, nothing as nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | float():
            return str(value)
        case range():
            return text_of(list(value))
    return _tojson(value)


def _tojson(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=text_of)


def _default(value: object, other: object = "", boolean: object = False) -> object:
    return other if value is None or value == "" or (boolean and not value) else value


def _int(value: object, default: int = 0) -> int:
    try:
        return int(float(text_of(value).strip()))
    except (ValueError, OverflowError):
        return default


def _float(value: object, default: float = 0.0) -> float:
    try:
        return float(text_of(value).strip())
    except ValueError:
        return default


def _round(value: object, precision: int = 0) -> float:
    return round(_float(value), max(-20, min(20, precision)))


def _list(value: object) -> list[object]:
    match value:
        case None:
            return []
        case str() | Mapping() | Sequence():
            return list(value)
    raise TypeError("a list is needed here")


def _join(value: object, between: object = "") -> str:
    texts = [text_of(item) for item in _list(value)]
    if sum(map(len, texts)) + len(texts) * len(text_of(between)) > MAX_OUTPUT:
        raise TemplateError("makes a text that is too long")
    return text_of(between).join(texts)


def _replace(value: object, old: object, new: object) -> str:
    text, gone, instead = text_of(value), text_of(old), text_of(new)
    if len(text) + text.count(gone) * len(instead) > MAX_OUTPUT:
        raise TemplateError("makes a text that is too long")
    return text.replace(gone, instead)


def _truncate(value: object, length: int = 255, end: object = "...") -> str:
    text, tail = text_of(value), text_of(end)
    return text if len(text) <= length else text[: max(0, length - len(tail))] + tail


def _abs(value: object) -> float:
    return abs(value) if isinstance(value, int | float) else abs(_float(value))


def _digits(value: object) -> str:
    return "".join(letter for letter in text_of(value) if letter.isdigit())


def _first(value: object) -> object:
    return next(iter(_list(value)), None)


def _last(value: object) -> object:
    return next(reversed(_list(value)), None)


def _whole(value: object) -> int:
    if isinstance(value, int):
        return value
    raise TypeError("a whole number is needed here")


def _sum(value: object) -> float:
    return sum(_float(item) for item in _list(value))


FILTERS: Mapping[str, Callable[..., object]] = {
    "abs": _abs,
    "capitalize": lambda value: text_of(value).capitalize(),
    "count": lambda value: len(_list(value)),
    "d": _default,
    "default": _default,
    "digits": _digits,
    "first": _first,
    "float": _float,
    "int": _int,
    "join": _join,
    "last": _last,
    "length": lambda value: len(_list(value)),
    "list": _list,
    "lower": lambda value: text_of(value).lower(),
    "max": lambda value: max(_list(value), default=None),  # type: ignore[type-var]
    "min": lambda value: min(_list(value), default=None),  # type: ignore[type-var]
    "replace": _replace,
    "reverse": lambda value: _list(value)[::-1],
    "round": _round,
    "sort": lambda value: sorted(_list(value)),  # type: ignore[type-var]
    "spell": lambda value: " ".join(text_of(value)),
    "string": text_of,
    "sum": _sum,
    "title": lambda value: text_of(value).title(),
    "tojson": _tojson,
    "trim": lambda value: text_of(value).strip(),
    "truncate": _truncate,
    "upper": lambda value: text_of(value).upper(),
    "urlencode": lambda value: quote(text_of(value), safe=""),
    "wordcount": lambda value: len(text_of(value).split()),
}

TESTS: Mapping[str, Callable[..., bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "defined": lambda value: value is not None,
    "divisibleby": lambda value, by: _whole(value) % _whole(by) == 0,
    "empty": lambda value: not value,
    "even": lambda value: _whole(value) % 2 == 0,
    "mapping": lambda value: isinstance(value, Mapping),
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "odd": lambda value: _whole(value) % 2 == 1,
    "sequence": lambda value: isinstance(value, Sequence),
    "string": lambda value: isinstance(value, str),
    "undefined": lambda value: value is None,
}
