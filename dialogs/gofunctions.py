"""
What Go's template functions make of values, as far as a flow can tell.

`None` is Go's missing value. `Strings` is a map whose values are texts: `index` of a missing key is
then empty, while a field of it is missing. `Rune` is a key that was pressed: a number that prints
as one. Whole numbers that come out of JSON are floats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from urllib.parse import quote_plus

from dialogs.errors import TemplateError

__all__ = [
    "FUNCTIONS",
    "METHODS",
    "SESSION_FIELDS",
    "Rune",
    "Strings",
    "field_of",
    "text_of",
    "truth",
]

MISSING = "<no value>"
WIDTH = 100
"""Characters that a `printf` verb may ask for."""
LARGE = 6
"""Powers of ten from which on Go writes an exponent."""
VERB = re.compile(r"%([-+#0 ]*)(\d*)(?:\.(\d*))?(.?)", re.DOTALL)


class Strings(dict[str, str]):
    """A map from text to text, such as the variables."""


class Rune(int):
    """A letter, which to Go is a number."""


def truth(value: object) -> bool:
    """Whether `if` takes its first branch."""
    return bool(value)


def field_of(value: object, name: object) -> object:
    """Look up `.name`; missing in a map is nothing, anything else has no fields."""
    match value:
        case None:
            return None
        case Mapping():
            return _from_json(value.get(name))
    raise TemplateError(f"{_type(value)} has no field {name!r}")


def _from_json(value: object) -> object:
    return float(value) if type(value) is int else value


def text_of(value: object) -> str:
    """Print a value as `{{ }}` does."""
    return MISSING if value is None else _plain(value)


def _plain(value: object) -> str:
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case Mapping():
            return f"map[{' '.join(f'{key}:{_plain(value[key])}' for key in sorted(value))}]"
        case list() | tuple():
            return f"[{' '.join(_plain(item) for item in value)}]"
        case int():
            return str(int(value))
    return str(value)


def _float(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(value)]
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) - 1 + int(exponent)
    if value and not -4 <= power < LARGE:
        first, *rest = map(str, digits)
        point = "." if rest else ""
        return f"{'-' * sign}{first}{point}{''.join(rest)}e{power:+03d}"
    return f"{value:.0f}" if value.is_integer() else repr(value)


def _type(value: object) -> str:
    names: Mapping[type, str] = {
        str: "string",
        bool: "bool",
        float: "float64",
        int: "int",
        Rune: "int32",
        Strings: "map[string]string",
    }
    match value:
        case Mapping() if type(value) not in names:
            return "map[string]interface {}"
        case list() | tuple():
            return "[]interface {}"
    return names.get(type(value), "nil")


def _kind(value: object) -> str:
    """Say which values can be compared with each other."""
    if isinstance(value, Mapping | list | tuple):
        raise TemplateError(f"{_type(value)} cannot be compared")
    return {"int32": "int"}.get(_type(value), _type(value))


def _differ(one: object, two: object) -> TemplateError:
    hint = ""
    if "float64" in (_type(one), _type(two)):
        hint = "numbers from a hook are floats: write 2.0 instead of 2"
    if "int32" in (_type(one), _type(two)):
        hint = 'a digit is a number: write (printf "%c" .Event)'
    return TemplateError(f"{_type(one)} cannot be compared with {_type(two)}", hint=hint)


def _eq(*values: object) -> bool:
    _count("eq", values, at_least=2)
    first, *others = values
    return any(_equal(first, other) for other in others)


def _equal(one: object, two: object) -> bool:
    same = _kind(one) == _kind(two)
    if one is None or two is None:
        return one is two
    if not same:
        raise _differ(one, two)
    return one == two


def _lt(*values: object) -> bool:
    _count("lt, le, gt and ge", values, at_least=2, at_most=2)
    match values:
        case [str() as one, str() as two]:
            return one.encode() < two.encode()
        case [int() | float() as one, int() | float() as two] if _orderly(one, two):
            return one < two
    raise _differ(*values)


def _orderly(one: object, two: object) -> bool:
    return _kind(one) == _kind(two) and not isinstance(one, bool)


def _le(*values: object) -> bool:
    return _lt(*values) or _equal(*values)


def _count(name: str, values: Sequence[object], *, at_least: int, at_most: int = 99) -> None:
    if not at_least <= len(values) <= at_most:
        raise TemplateError(f"{name}: wrong number of arguments ({len(values)})")


def _not(*values: object) -> bool:
    _count("not", values, at_least=1, at_most=1)
    return not truth(values[0])


def _length(*values: object) -> int:
    _count("len", values, at_least=1, at_most=1)
    match values[0]:
        case str(text):
            return len(text.encode())
        case Mapping() | list() | tuple() as items:
            return len(items)
    raise TemplateError(f"{_type(values[0])} has no length")


def _index(*values: object) -> object:
    _count("index", values, at_least=1)
    value, *keys = values
    for key in keys:
        value = _at(value, key)
    return value


def _at(value: object, key: object) -> object:
    match value:
        case Strings():
            return value.get(_text_key(key), "")
        case Mapping():
            return _from_json(value.get(_text_key(key)))
        case str():
            return value.encode()[_place(key, len(value.encode()))]
        case list() | tuple():
            return _from_json(value[_place(key, len(value))])
    raise TemplateError(f"{_type(value)} cannot be indexed")


def _text_key(key: object) -> str:
    if not isinstance(key, str):
        raise TemplateError(f"a map is indexed by a string, not {_type(key)}")
    return key


def _place(key: object, length: int) -> int:
    if not isinstance(key, int) or not 0 <= key < length:
        raise TemplateError(f"index {_plain(key)} is out of range")
    return key


def _slice(*values: object) -> object:
    _count("slice", values, at_least=1, at_most=3)
    value, *limits = values
    match value:
        case str():
            data = value.encode()
            begin, end = _limits(limits, len(data))
            return data[begin:end].decode(errors="replace")
        case list() | tuple():
            begin, end = _limits(limits, len(value))
            return value[begin:end]
    raise TemplateError(f"{_type(value)} cannot be sliced")


def _limits(limits: Sequence[object], length: int) -> tuple[int, int]:
    begin, end, *_ = (*(_place(limit, length + 1) for limit in limits), *(0, length)[len(limits) :])
    if begin > end:
        raise TemplateError(f"slice from {begin} to {end}")
    return begin, end


def _print(*values: object) -> str:
    parts: list[str] = []
    for number, value in enumerate(values):
        between = number and not isinstance(value, str) and not isinstance(values[number - 1], str)
        parts += [" "] if between else []
        parts.append(_plain(value))
    return "".join(parts)


def _println(*values: object) -> str:
    return " ".join(_plain(value) for value in values) + "\n"


def _printf(*values: object) -> str:
    _count("printf", values, at_least=1)
    pattern, *rest = values
    if not isinstance(pattern, str):
        raise TemplateError("printf begins with a text")
    left = list(rest)
    text = VERB.sub(lambda match: _formatted(match, left), pattern)
    if left:
        extra = ", ".join(
            f"{_type(one)}={_plain(one)}" if one is not None else "<nil>" for one in left
        )
        text += f"%!(EXTRA {extra})"
    return text


def _formatted(match: re.Match[str], left: list[object]) -> str:
    flags, width, precision, verb = match.groups()
    if verb == "%":
        return "%"
    if not verb:
        return "%!(NOVERB)"
    if not left:
        return f"%!{verb}(MISSING)"
    if int(width or 0) > WIDTH or int(precision or 0) > WIDTH:
        raise TemplateError(f"printf writes at most {WIDTH} characters for a verb")
    value = left.pop(0)
    if (text := _verb(verb, value, precision)) is None:
        return _mismatch(verb, value)
    if "+" in flags and isinstance(value, int | float) and value >= 0:
        text = f"+{text}"
    if "-" in flags:
        return text.ljust(int(width or 0))
    zeros = "0" in flags and isinstance(value, int | float)
    return text.zfill(int(width or 0)) if zeros else text.rjust(int(width or 0))


def _mismatch(verb: str, value: object) -> str:
    about = "<nil>" if value is None else f"{_type(value)}={_plain(value)}"
    return f"%!{verb}({about})"


def _formatted_as(verb: str, value: object) -> str:
    text = _verb(verb, value, None)
    if text is not None:
        return text
    return "<nil>" if value is None else _mismatch(verb, value)


def _verb(verb: str, value: object, precision: str | None) -> str | None:
    """Write a value by a verb; nothing when they do not go together."""
    match verb, value:
        case "v", _:
            return _plain(value)
        case "q", Rune():
            return f"'{chr(value)}'"
        case "x", str():
            return value.encode().hex()
        case "s" | "q", str():
            cut = value if precision is None else value[: int(precision or 0)]
            return cut if verb == "s" else '"' + cut.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case "t", bool():
            return _plain(value)
        case "c" | "d" | "x" | "U", int() if not isinstance(value, bool):
            return _whole(verb, int(value))
        case "f" | "F" | "e" | "g", float():
            places = 6 if precision is None else int(precision or 0)
            return _float(value) if verb == "g" else f"{value:.{places}{verb}}"
        case "s", list() | tuple():
            return f"[{' '.join(_formatted_as('s', _from_json(item)) for item in value)}]"
        case "T", _:
            return _type(value) if value is not None else "<nil>"
    return None


def _whole(verb: str, value: int) -> str:
    if verb == "c":
        return chr(value) if 0 <= value <= 0x10FFFF else "\N{REPLACEMENT CHARACTER}"
    return {"d": str(value), "x": f"{value:x}", "U": f"U+{value:04X}"}[verb]


def _joined(values: Sequence[object]) -> str:
    return text_of(values[0]) if len(values) == 1 else _print(*values)


def _html(*values: object) -> str:
    safe = {'"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"}
    return "".join(safe.get(letter, letter) for letter in _joined(values))


def _js(*values: object) -> str:
    safe = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\u000A", "\r": "\\u000D"}
    safe |= {letter: f"\\u{ord(letter):04X}" for letter in "<>&=\t\0"}
    return "".join(safe.get(letter, letter) for letter in _joined(values))


def _urlquery(*values: object) -> str:
    return quote_plus(_joined(values))


def _get_variable(session: object, *values: object) -> object:
    _count("GetVariable", values, at_least=1, at_most=1)
    return _at(field_of(field_of(session, "Session"), "Variables"), values[0])


def _get_current_state(session: object, *values: object) -> object:
    _count("GetCurrentState", values, at_least=0, at_most=0)
    return field_of(field_of(session, "Session"), "CurrentState")


FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "and": truth,
    "eq": _eq,
    "ge": lambda *values: not _lt(*values),
    "gt": lambda *values: not _le(*values),
    "html": _html,
    "index": _index,
    "js": _js,
    "le": _le,
    "len": _length,
    "lt": _lt,
    "ne": lambda *values: not _ne(*values),
    "not": _not,
    "or": truth,
    "print": _print,
    "printf": _printf,
    "println": _println,
    "slice": _slice,
    "urlquery": _urlquery,
}


def _ne(*values: object) -> bool:
    _count("ne", values, at_least=2, at_most=2)
    return _equal(*values)


METHODS: Mapping[str, Callable[..., object]] = {
    "Session.GetVariable": _get_variable,
    "Session.GetCurrentState": _get_current_state,
}
"""What a session can be asked; the methods that change it are not there."""

SESSION_FIELDS = (
    "ID",
    "DialogName",
    "CurrentState",
    "Variables",
    "History",
    "StartTime",
    "LastEvent",
    "LastResult",
    "GetVariable",
    "GetCurrentState",
)
